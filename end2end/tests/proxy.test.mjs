// Behind real proxies: Apache with mod_auth_openidc, nginx with auth_request, and whoever goes round them. What the proxy
// says about a person is believed; what a person says about themselves never is.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { TRUSTED, apacheClient, spellings, startApache } from "../lib/apache.mjs";
import { closeBrowser, newPage } from "../lib/browser.mjs";
import { startNginx } from "../lib/nginx.mjs";
import { startOp } from "../lib/op.mjs";
import { ROLE_ENV, makePeople } from "../lib/people.mjs";
import { raw } from "../lib/raw.mjs";
import { shot } from "../lib/shot.mjs";
import { freePort, startStack } from "../lib/stack.mjs";
import { Visitor } from "../lib/visitor.mjs";
import { shownTo } from "./sso.steps.mjs";

const SECRET = "a-secret-that-only-the-proxy-and-sluice-know";
const HTML = "Accept: text/html";

/** Sluice behind `public_url`. */
const startBehind = (port, env = {}) =>
  startStack({
    env: {
      SLUICE_AUTH: "trusted-header",
      SLUICE_PUBLIC_URL: `http://127.0.0.1:${port}`,
      SLUICE_PROXY_CIDRS: "127.0.0.1/32",
      SLUICE_PROXY_SECRET: SECRET,
      SLUICE_STEP_UP: "proxy",
      SLUICE_SYNC_SECONDS: "86400",
      ...ROLE_ENV,
      ...env,
    },
  });
const cookieLine = (visitor, url) => `Cookie: ${[...visitor.cookies(url)].map((pair) => pair.join("=")).join("; ")}`;
/** The role that a page is shown to. */
const roleIn = (answer) => (answer.status === 200 ? shownTo(answer.text)?.[1] : undefined);

/** What a person may try through a proxy that works: [what, header lines, statuses besides 200]. None may change who they are. */
const SPOOFS = [
  ["a header of their own", ["X-Forwarded-User: u-1001", "X-Forwarded-Groups: sluice-admins"]],
  ["an empty one", ["X-Forwarded-User:", "X-Forwarded-Groups:"]],
  ["two of them", ["X-Forwarded-Groups: sluice-admins", "X-Forwarded-Groups: sluice-leads", "X-Forwarded-User: u-1001", "X-Forwarded-User: u-1002"]],
  ["other case", ["x-fORWARDED-gROUPS: sluice-admins", "X-FORWARDED-USER: u-1001"]],
  ...["_", "."].map((gap) => [`${gap} for -`, TRUSTED.map((name) => `${name.replaceAll("-", gap)}: sluice-admins`)]),
  ["every spelling at once", TRUSTED.flatMap(spellings).map((name) => `${name}: sluice-admins`)],
  ["a space before the colon", ["X-Forwarded-Groups : sluice-admins"], [400]],
  ["space around the value", ["X-Forwarded-Groups: \t sluice-admins \t "]],
  ["a folded line", ["X-Forwarded-Groups: x", " sluice-admins"], [400]],
  ["an oversized one", [`X-Forwarded-User: ${"u".repeat(6000)}`]],
  ["bytes that are no ASCII", [Buffer.from([...Buffer.from("X-Forwarded-User: u-1001"), 0xc3, 0xa9, 0xff])]],
  ["a carriage return alone", [Buffer.from("X-Harmless: a\rX-Forwarded-Groups: sluice-admins")], [400]],
  ["a secret of their own", ["X-Sluice-Proxy-Secret: guessed"]],
  ["the name as a hop-by-hop header", ["Connection: close, X-Forwarded-User, X-Forwarded-Groups, X-Forwarded-Email, X-Sluice-Proxy-Secret"], [401]],
  ["groups alone as a hop-by-hop header", ["Connection: close, X-Forwarded-Groups"], [401, 403]],
  ["a trailer's announcement", ["Trailer: X-Forwarded-Groups", "TE: trailers"]],
];

/** Both proxies are put to the same tests. `enter` signs a visitor in. */
function putToTheTest(start) {
  let at;
  let stack;
  before(async () => {
    ({ at, stack } = await start());
  });
  after(async () => {
    await at?.stop();
    await stack?.stop();
    await closeBrowser();
  });

  test("who is signed in at the proxy is signed in here, with their role", async () => {
    for (const [key, role] of Object.entries({ alma: "admin", lev: "lead", greta: "agent", vito: "viewer" })) {
      const visitor = new Visitor();
      const answer = await at.enter(visitor, key);
      assert.equal(roleIn(answer), role, `${key}: ${answer.status}`);
    }
  });

  test("who is in no group of ours is refused, and who is nobody never gets here", async () => {
    const visitor = new Visitor();
    const answer = await at.enter(visitor, "nils");
    assert.ok([401, 403].includes(answer.status), String(answer.status));
    const stranger = await raw(at.url, "/domains", ["X-Forwarded-User: u-1001", "X-Forwarded-Groups: sluice-admins"]);
    assert.ok([302, 303, 401].includes(stranger.status), String(stranger.status));
  });

  test("in the browser: pages, forms and step-up", async () => {
    const page = await newPage({ size: "desktop", theme: "light", scripts: true });
    await at.enterPage(page, "Greta Lindqvist", "greta");
    await page.goto(`${at.url}/keys`);
    await page.getByLabel("Label", { exact: true }).fill("web07");
    await page.getByLabel("API key", { exact: true }).fill("sandbox-key-07");
    await page.getByRole("button", { name: "Check and store key" }).click();
    await page.locator("#note").waitFor();
    await shot(page, `proxy-${at.name}`);
    page.assertClean();
    await page.context().close();
  });

  test("nothing that a person sends changes who they are", async () => {
    const visitor = new Visitor();
    assert.equal(roleIn(await at.enter(visitor, "greta")), "agent");
    for (const [what, lines, statuses = []] of SPOOFS) {
      const answer = await raw(at.url, "/domains", [HTML, cookieLine(visitor, at.url), ...lines]);
      // It is what it would have been; what is no HTTP, or takes away what the proxy said, may be refused instead.
      if (!statuses.includes(answer.status)) assert.equal(roleIn(answer), "agent", `${what}: ${answer.status}`);
    }
    assert.equal(roleIn(await visitor.get(`${at.url}/domains`)), "agent", "and all is well afterwards");
  });

  test("going round the proxy leads nowhere", async () => {
    const { host } = new URL(at.url);
    const self = [`Host: ${host}`, HTML, "X-Forwarded-User: u-1001", "X-Forwarded-Groups: sluice-admins"];
    const visitor = new Visitor();
    await at.enter(visitor, "alma");
    for (const lines of [self, [...self, "X-Sluice-Proxy-Secret: guessed"], [...self, cookieLine(visitor, at.url)]]) {
      assert.equal((await raw(stack.url, "/domains", lines)).status, 401);
    }
    assert.equal((await raw(stack.url, "/domains", [...self, `X-Sluice-Proxy-Secret: ${SECRET}`], { from: "127.0.0.2" })).status, 401, "from another address");
  });
}

describe("Apache with mod_auth_openidc", () => {
  putToTheTest(async () => {
    const port = await freePort();
    const client = apacheClient(`http://127.0.0.1:${port}`);
    const op = await startOp({ clients: [client] });
    const stack = await startBehind(port);
    const apache = await startApache({ port, upstream: stack.url, issuer: op.issuer, client, secret: SECRET });
    const at = {
      name: "apache",
      url: apache.url,
      stop: async () => {
        await apache.stop();
        await op.stop();
      },
      enter: async (visitor, key) => visitor.follow(await op.pass(visitor, await visitor.get(`${apache.url}/domains`), key, /\/oidc\/callback/)),
      enterPage: async (page, name) => {
        await page.goto(`${apache.url}/domains`);
        await page.getByRole("button", { name }).click();
        await page.waitForURL(`${apache.url}/domains`);
      },
    };
    return { at, stack };
  });
});

describe("nginx with auth_request", () => {
  putToTheTest(async () => {
    const port = await freePort();
    const stack = await startBehind(port);
    const nginx = await startNginx({ port, upstream: stack.url, secret: SECRET });
    const at = {
      name: "nginx",
      url: nginx.url,
      stop: nginx.stop,
      enter: async (visitor, key) => visitor.follow(await visitor.get(`${nginx.url}/login?as=${key}`)),
      enterPage: async (page, _name, key) => {
        await page.goto(`${nginx.url}/login?as=${key}`);
        await page.waitForURL(`${nginx.url}/domains`);
      },
    };
    return { at, stack };
  });
});

describe("a proxy that is careless, or somebody in its place", () => {
  let stack;
  const { greta } = makePeople();
  const good = {
    user: `X-Forwarded-User: ${greta.sub}`,
    email: `X-Forwarded-Email: ${greta.email}`,
    groups: "X-Forwarded-Groups: sluice-agents,everyone",
    secret: `X-Sluice-Proxy-Secret: ${SECRET}`,
  };
  /** As the proxy sends it, with one thing changed; null leaves it out. */
  const ask = (changes = {}, { more = [], ...options } = {}) => {
    const lines = Object.values({ ...good, ...changes }).flat().filter((line) => line !== null);
    return raw(stack.url, "/domains", [`Host: ${new URL(stack.front).host}`, HTML, ...lines, ...more], options);
  };
  before(async () => {
    const port = await freePort();
    stack = { ...(await startBehind(port)), front: `http://127.0.0.1:${port}` };
  });
  after(() => stack?.stop());

  test("as it should be", async () => {
    assert.equal(roleIn(await ask()), "agent");
    assert.equal(roleIn(await ask({ email: null })), "agent");
    assert.equal(roleIn(await ask({ groups: "X-Forwarded-Groups: everyone | sluice-leads" })), "lead");
    assert.ok([401, 403].includes((await ask({ groups: null })).status), "no groups");
    assert.ok([401, 403].includes((await ask({ groups: "X-Forwarded-Groups: everyone" })).status), "no group of ours");
  });

  const bytes = (...values) => Buffer.from([...Buffer.from("X-Forwarded-User: "), ...values]);
  const WRONG = {
    "no user": { user: null },
    "an empty user": { user: "X-Forwarded-User:" },
    "a user of spaces": { user: "X-Forwarded-User:    " },
    "two users": { user: [good.user, "X-Forwarded-User: u-1001"] },
    "the same user twice": { user: [good.user, good.user] },
    "two users in other case": { user: [good.user, "x-forwarded-USER: u-1001"] },
    "257 bytes": { user: `X-Forwarded-User: ${"u".repeat(257)}` },
    "8 KB": { user: `X-Forwarded-User: ${"u".repeat(8192)}` },
    "UTF-8": { user: bytes(...Buffer.from("Gr\u00e9ta")) },
    "Latin-1": { user: bytes(0x47, 0xe9) },
    "a tab inside": { user: bytes(0x75, 0x09, 0x31) },
    "a no-break space around it": { user: bytes(0xc2, 0xa0, 0x75) },
    "two addresses": { email: [good.email, "X-Forwarded-Email: alma@hosting.example"] },
    "two lists of groups": { groups: [good.groups, "X-Forwarded-Groups: sluice-admins"] },
    "no secret": { secret: null },
    "an empty secret": { secret: "X-Sluice-Proxy-Secret:" },
    "a wrong secret": { secret: "X-Sluice-Proxy-Secret: guessed" },
    "almost the secret": { secret: `X-Sluice-Proxy-Secret: ${SECRET}x` },
    "the secret twice": { secret: [good.secret, good.secret] },
    "a right and a wrong secret": { secret: [good.secret, "X-Sluice-Proxy-Secret: guessed"] },
  };
  for (const [what, changes] of Object.entries(WRONG)) {
    test(`${what}: 401`, async () => assert.equal((await ask(changes)).status, 401));
  }

  test("a name that almost is one of ours: 401, beside the right one and instead of it", async () => {
    for (const name of TRUSTED) {
      for (const alias of spellings(name).filter((spelling) => spelling !== name)) {
        assert.equal((await ask({}, { more: [`${alias}: u-1001`] })).status, 401, alias);
        assert.equal((await ask({}, { more: [`${alias.toLowerCase()}: u-1001`] })).status, 401, alias);
      }
    }
    assert.equal((await ask({ user: "X_Forwarded_User: u-1003" })).status, 401);
  });

  test("what is no header at all: refused before anything else", async () => {
    const names = ["X-Forwarded-User : u-1001", " X-Forwarded-User: u-1001", "X-Forwarded-User\t: u-1001", "X-Forwarded-User"];
    for (const line of [...names, "X-Forwarded-User: a\0b", "X-Forwarded-User: a\x7fb"]) {
      const answer = await ask({ user: [line] });
      assert.ok([400, 401].includes(answer.status), `${JSON.stringify(line)}: ${answer.status}`);
    }
  });

  test("from outside the network: 401, whatever else is right", async () => {
    assert.equal((await ask({}, { from: "127.0.0.2" })).status, 401);
    const forwarded = ["X-Forwarded-For: 127.0.0.1", "X-Real-IP: 127.0.0.1", "Forwarded: for=127.0.0.1"];
    assert.equal((await ask({}, { from: "127.0.0.2", more: forwarded })).status, 401, "an address that is only claimed");
  });

  test("an older session opens nothing", async () => {
    const first = await ask();
    const cookies = [...first.head.matchAll(/^set-cookie: ([^;\r]*)/gim)].map(([, pair]) => pair).join("; ");
    const more = cookies ? [`Cookie: ${cookies}`] : [];
    assert.equal(roleIn(await ask({}, { more })), "agent");
    const all = { user: null, email: null, groups: null, secret: null };
    for (const changes of [{ user: null }, { user: "X-Forwarded-User:" }, { user: [good.user, good.user] }, { secret: null }, all]) {
      assert.equal((await ask(changes, { more })).status, 401, JSON.stringify(changes));
    }
    assert.equal((await ask({}, { more, from: "127.0.0.2" })).status, 401);
    // Greta's session with Vito's headers is Vito.
    const vito = {
      user: "X-Forwarded-User: u-1004",
      email: "X-Forwarded-Email: vito@hosting.example",
      groups: "X-Forwarded-Groups: sluice-viewers",
    };
    const other = await ask(vito, { more });
    assert.ok(other.status === 401 || roleIn(other) === "viewer", String(other.status));
    // A group that is lost counts at once.
    assert.ok([401, 403].includes((await ask({ groups: "X-Forwarded-Groups: everyone" }, { more })).status));
    assert.equal(roleIn(await ask({ groups: "X-Forwarded-Groups: sluice-viewers" }, { more })), "viewer");
  });

  // Of all the tests above.
  test("refusals are in the audit log with their reasons; the secret is in no log", async () => {
    const { code, stdout, stderr } = await stack.cli("audit", "export");
    assert.equal(code, 0, stderr);
    const reasons = ["not come from the proxy's address", "secret is missing or wrong", "there twice or malformed", "almost like one", "none of their groups"];
    for (const reason of reasons) {
      assert.ok(stdout.split("\n").some((row) => row.includes("refused") && row.includes(reason)), `no row: ${reason}`);
    }
    assert.ok(!stdout.includes(SECRET) && !stack.log().includes(SECRET));
  });
});

test("without a list of proxies, or with everybody on it, Sluice does not start", async () => {
  for (const cidrs of ["", "0.0.0.0/0", "::/0", "*", "127.0.0.1/32,*", "192.0.2.0/0", "nonsense"]) {
    await assert.rejects(startBehind(await freePort(), { SLUICE_PROXY_CIDRS: cidrs }), /ended with/, cidrs);
  }
});
