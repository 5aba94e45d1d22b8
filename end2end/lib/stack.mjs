// A stand-in and a Sluice on free ports, with a fresh database and key.
import { execFile, spawn } from "node:child_process";
import { randomBytes, randomInt } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A port that is free now, and that no outgoing connection takes in the meantime: those are given higher ones. */
export async function freePort() {
  for (;;) {
    const port = randomInt(15_000, 32_000);
    const isFree = await new Promise((resolve) => {
      const server = createServer();
      server.on("error", () => resolve(false));
      server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
    });
    if (isFree) return port;
  }
}

/** Starts a program, keeps what it prints, and waits until an address answers. */
export async function start(program, args, env, url) {
  if (!program) throw new Error("run the browser tests by `cargo xtask test browser`");
  const child = spawn(program, args, { env: { PATH: process.env.PATH, ...env }, stdio: ["ignore", "pipe", "pipe"] });
  let log = "";
  let ended = null;
  child.stdout.on("data", (data) => (log += data));
  child.stderr.on("data", (data) => (log += data));
  const end = new Promise((resolve) => child.on("exit", (code) => resolve((ended = code ?? -1))));
  const deadline = Date.now() + 30_000;
  for (;;) {
    if (ended !== null) throw new Error(`${program} ended with ${ended}:\n${log}`);
    const answered = await fetch(url).then((answer) => answer.ok, () => false);
    if (answered) break;
    if (Date.now() > deadline) throw new Error(`${program} does not answer:\n${log}`);
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
  const stop = async () => {
    child.kill("SIGTERM");
    const hard = setTimeout(() => child.kill("SIGKILL"), 10_000);
    await end;
    clearTimeout(hard);
  };
  return { log: () => log, stop };
}

/** Runs a program to its end. */
function run(program, args, env) {
  return new Promise((resolve, reject) => {
    execFile(program, args, { env: { PATH: process.env.PATH, ...env }, timeout: 30_000 }, (error, stdout, stderr) => {
      if (error && typeof error.code !== "number") reject(error);
      else resolve({ code: error?.code ?? 0, stdout, stderr });
    });
  });
}

/** Starts both; `env` adds to Sluice's environment. `port`: where Sluice listens, when others must know beforehand. */
export async function startStack({ domains = 200, seed = "demo", latency = 0, rate = 10_000, port, env = {} } = {}) {
  const dir = await mkdtemp(join(tmpdir(), "sluice-"));
  await writeFile(join(dir, "kek"), randomBytes(32).toString("base64"), { mode: 0o400 });
  const upstream = `127.0.0.1:${await freePort()}`;
  const address = `127.0.0.1:${port ?? (await freePort())}`;
  const dns = `127.0.0.1:${await freePort()}`;
  const control = `http://${upstream}/_sandbox`;
  const sandbox = await start(
    process.env.SANDBOX_BIN,
    ["--listen", upstream, "--dns", dns, "--seed", seed, "--domains", String(domains), "--latency-ms", String(latency), "--rate", String(rate)],
    {},
    `${control}/health`,
  );
  const settings = {
    SLUICE_AUTH: "demo",
    SLUICE_LISTEN: address,
    SLUICE_DATABASE: join(dir, "sluice.sqlite3"),
    SLUICE_KEK_FILE: join(dir, "kek"),
    SLUICE_UPSTREAM: `http://${upstream}/inbound/v1`,
    SLUICE_MX_RESOLVER: dns,
    SLUICE_LOG: "debug",
    ...env,
  };
  const sluice = await start(process.env.SLUICE_BIN, [], settings, `http://${address}/healthz`).catch(async (error) => {
    await sandbox.stop();
    await rm(dir, { recursive: true, force: true });
    throw error;
  });
  const ask = async (method, path, body) => {
    const answer = await fetch(`${control}/${path}`, { method, body: body === undefined ? undefined : JSON.stringify(body) });
    if (!answer.ok && answer.status !== 404) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    const text = await answer.text();
    return text ? JSON.parse(text) : null;
  };
  return {
    url: `http://${address}`,
    log: sluice.log,
    /** Runs `sluice` with these arguments beside the server, on the same database. */
    cli: (...args) => run(process.env.SLUICE_BIN, args, settings),
    sandbox: {
      fault: (fault) => ask("POST", "faults", fault),
      clearFaults: () => ask("DELETE", "faults"),
      switches: (switches) => ask("PUT", "switches", switches),
      ledger: () => ask("GET", "ledger"),
      domain: (name) => ask("GET", `domains/${encodeURIComponent(name)}`),
      list: (tier, whose, list) => ask("GET", `lists/${tier}/${encodeURIComponent(whose)}/${list}`),
      setList: (tier, whose, list, items) => ask("PUT", `lists/${tier}/${encodeURIComponent(whose)}/${list}`, items),
      protectedLimit: (customer, limit) => ask("PUT", `protected/${customer}`, limit),
      mx: (name, records) => ask("PUT", `mx/${encodeURIComponent(name)}`, records),
      dns: (fault) => ask("PUT", "dns", fault),
      /** Calls the service past Sluice, as whoever has that key can. */
      call: async (secret, method, path, body) => {
        const headers = { "x-api-key": secret, "content-type": "application/json" };
        const answer = await fetch(`http://${upstream}/inbound/v1${path}`, { method, headers, body: JSON.stringify(body) });
        if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status}`);
      },
      deleteKey: (label) => ask("DELETE", `keys/${label}`),
    },
    async stop() {
      await sluice.stop();
      await sandbox.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}
