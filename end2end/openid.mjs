// The tests' OpenID provider as a program, to try Sluice with (`docker compose up oidc-demo`): whoever opens its page picks a
// person. PORT is where it listens, on loopback; CLIENT_SECRET_FILE holds what Sluice has as SLUICE_OIDC_CLIENT_SECRET_FILE.
import { readFileSync } from "node:fs";
import { sluiceClient, startOp } from "./lib/op.mjs";

const base = process.env.SLUICE_PUBLIC_URL ?? "http://127.0.0.1:3000";
const secret = readFileSync(process.env.CLIENT_SECRET_FILE, "utf8").trim();
const op = await startOp({
  clients: [{ ...sluiceClient(base), client_secret: secret }],
  port: Number(process.env.PORT ?? 4020),
});
console.log(`an OpenID provider to try Sluice with listens on ${op.issuer}, for Sluice on ${base}`);
for (const signal of ["SIGTERM", "SIGINT"]) process.once(signal, () => op.stop());
