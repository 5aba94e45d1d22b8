// A provider that lies: every token, answer and logout that must be refused, each one spoiled in one place only.
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { fresh, makeKey, now } from "../lib/jws.mjs";
import { freePort } from "../lib/stack.mjs";
import { ABSENT, publicKeyAsSecret, startSigner } from "../lib/signer.mjs";
import { assertRefused, begin, callbackOf, newVisitor, startWith, whoIs } from "./sso.steps.mjs";

const GRETA = ["Greta Lindqvist", "agent"];

/** A Sluice and the lying provider. */
async function start(env = {}, signer) {
  const op = signer ?? (await startSigner());
  return startWith(op, op.env(), await freePort(), env);
}
/** One sign-in under a plan. */
async function enter(stack, plan = {}, visitor = newVisitor()) {
  stack.op.plan = plan;
  return { visitor, answer: await visitor.get(await callbackOf(visitor, stack)) };
}

describe("tokens", () => {
  let stack;
  let op;
  before(async () => {
    stack = await start();
    op = stack.op;
  });
  after(() => stack?.stop());
  beforeEach(async () => {
    op.plan = {};
    op.person = op.people.greta;
  });
  const refused = async (plan, what) => {
    const { visitor, answer } = await enter(stack, plan);
    await assertRefused(visitor, stack, answer, what);
  };

  test("the right one is taken, so that what follows proves something", async () => {
    const { visitor } = await enter(stack);
    assert.deepEqual(await whoIs(visitor, stack), GRETA);
    assert.deepEqual([op.asked.response_type, op.asked.code_challenge_method], ["code", "S256"]);
    for (const secret of ["state", "nonce", "code_challenge"]) assert.ok(op.asked[secret].length >= 43, secret);
    // Several audiences are fine when the token says that it was made for us.
    const many = await enter(stack, { claims: { aud: ["other", "sluice"], azp: "sluice" } });
    assert.deepEqual(await whoIs(many.visitor, stack), GRETA);
  });

  test("claims that are wrong, one at a time", async () => {
    const plans = {
      "nonce of another sign-in": { nonce: fresh() },
      "no nonce": { nonce: ABSENT },
      "empty nonce": { nonce: "" },
      "another audience": { aud: "other" },
      "audience almost ours": { aud: "Sluice" },
      "no audience": { aud: ABSENT },
      "several audiences and no azp": { aud: ["sluice", "other"] },
      "several audiences and another azp": { aud: ["sluice", "other"], azp: "other" },
      "another azp": { azp: "other" },
      "another issuer": { iss: "https://id.example" },
      "issuer with a slash": { iss: `${op.issuer}/` },
      "no issuer": { iss: ABSENT },
      expired: { exp: now(-600), iat: now(-900) },
      "no exp": { exp: ABSENT },
      "exp as text": { exp: String(now(300)) },
      "not valid yet": { nbf: now(600) },
      "of the future": { iat: now(3600), exp: now(7200) },
      "no sub": { sub: ABSENT },
      "empty sub": { sub: "" },
      "endless sub": { sub: "x".repeat(4000) },
      "no group of ours": { groups: ["everyone"] },
      "no groups": { groups: ABSENT },
      "groups that are no names": { groups: [{ name: "sluice-admins" }, 1, null] },
    };
    for (const [what, claims] of Object.entries(plans)) await refused({ claims }, what);
  });

  test("signatures that prove nothing", async () => {
    const none = (alg) => ({ header: { alg }, key: null });
    for (const alg of ["none", "None", "NONE", "nOnE", ""]) await refused(none(alg), `alg ${alg}`);
    await refused({ raw: (claims) => op.sign(claims, {}, op.key).replace(/[^.]+$/, "") }, "signature cut off");
    for (const [form, secret] of Object.entries(publicKeyAsSecret)) {
      for (const alg of ["HS256", "HS384", "HS512"]) {
        await refused({ header: { alg }, key: secret(op.key) }, `${alg} with the public key as ${form}`);
      }
    }
    await refused({ header: { alg: "HS256" }, key: op.clientSecret }, "HS256 with the client's secret");
    await refused({ key: op.stranger }, "another key under the same id");
    await refused({ header: { alg: "PS256" } }, "an algorithm that is not on our list");
    await refused({ header: { alg: "RS512" } }, "another one");
    await refused({ header: { alg: "ES256" }, key: makeKey("ES256", op.key.kid) }, "an EC signature under the RSA key's id");
    await refused({ key: op.stranger, header: { kid: ABSENT } }, "no key id, and another key");
    await refused({ key: op.stranger, header: { jwk: op.stranger.publicJwk } }, "its own key in the header");
    await refused({ key: op.stranger, header: { kid: "own", jwk: op.stranger.publicJwk } }, "its own key in the header, named");
    await refused({ key: op.stranger, header: { kid: "far", jku: `${op.issuer}/elsewhere` } }, "an address of keys in the header");
    await refused({ header: { crit: ["exp"] } }, "a critical header that nobody knows");
    assert.equal(op.counts.redirected, 0, "an address out of a token was asked");
    const changed = (claims) => {
      const [head, , signature] = op.sign(claims).split(".");
      return [head, Buffer.from(JSON.stringify({ ...claims, groups: ["sluice-admins"] })).toString("base64url"), signature].join(".");
    };
    await refused({ raw: changed }, "claims changed after signing");
    for (const raw of ["", "a.b", "a.b.c", "a.b.c.d.e", "eyJhbGciOiJSUzI1NiJ9..", "\u0000", "x".repeat(300_000)]) {
      await refused({ raw: () => raw }, `token ${raw.slice(0, 20)}`);
    }
    await refused({ token: { id_token: ABSENT } }, "no token at all");
    await refused({ token: { id_token: ["a"] } }, "a list for a token");
  });

  test("keys of unknown names make Sluice look at most once a minute", async () => {
    const before = op.counts.jwks;
    for (let tries = 6; tries; tries -= 1) await refused({ header: { kid: fresh() } }, "unknown key id");
    assert.ok(op.counts.jwks - before <= 1, `${op.counts.jwks - before} looks`);
  });

  test("answers that name the wrong issuer, or none where one was promised", async () => {
    await refused({ response: { iss: "https://id.example" } }, "another issuer");
    await refused({ response: { iss: `${op.issuer}/` } }, "issuer with a slash");
    await refused({ response: { iss: ABSENT } }, "no issuer");
    await refused({ response: { code: ABSENT } }, "no code");
    await refused({ response: { state: ABSENT } }, "no state");
    await refused({ response: { state: fresh(32) } }, "another state");
    const error = { error: "<script>alert(1)</script>", error_description: "<script>alert(2)</script>\r\nX: y" };
    await refused({ response: { ...error, code: ABSENT } }, "an error with markup");
    await refused({ response: error }, "an error beside a code");
  });

  test("a parameter that is there twice", async () => {
    const visitor = newVisitor();
    const back = await callbackOf(visitor, stack);
    await assertRefused(visitor, stack, await visitor.get(`${back}&code=${fresh()}`), "two codes");
  });

  test("a state counts once, and in its own browser only", async () => {
    const victim = newVisitor();
    const back = await callbackOf(victim, stack);
    const asked = op.asked;
    const before = structuredClone(victim.jar);
    /** The victim's callback with a code that the provider would still take. */
    const withNewCode = async (url) => {
      const led = await newVisitor().get(`${op.issuer}/authorize?${new URLSearchParams(asked)}`);
      const changed = new URL(url);
      changed.searchParams.set("code", new URL(led.location).searchParams.get("code"));
      return changed.href;
    };
    const stranger = newVisitor();
    await assertRefused(stranger, stack, await stranger.get(await withNewCode(back)), "a callback in a browser that began nothing");
    await begin(stranger, stack);
    await assertRefused(stranger, stack, await stranger.get(await withNewCode(back)), "a callback in a browser that began another");
    // The stranger's own state with the victim's code: the challenge is the victim's.
    const own = await callbackOf(stranger, stack);
    await assertRefused(stranger, stack, await stranger.get(await withNewCode(own)), "another browser's code");
    // All that did not spoil the victim's.
    await victim.get(back);
    assert.deepEqual(await whoIs(victim, stack), GRETA);
    // Replayed from a browser that has the cookies of the moment before.
    const copy = newVisitor();
    copy.jar = before;
    await assertRefused(copy, stack, await copy.get(await withNewCode(back)), "a state that was used");
  });

  test("who began signed in as one person does not end as another without a new session", async () => {
    const visitor = newVisitor();
    await enter(stack, {}, visitor);
    const old = visitor.cookies(stack.url).get("__Host-sluice");
    op.person = op.people.vito;
    await enter(stack, {}, visitor);
    assert.notEqual(visitor.cookies(stack.url).get("__Host-sluice"), old);
    assert.deepEqual(await whoIs(visitor, stack), ["Vito Marchetti", "viewer"]);
  });

  // Of all the tests above.
  test("refusals are in the audit log with their reasons, and no token is", async () => {
    const { code, stdout, stderr } = await stack.cli("audit", "export");
    assert.equal(code, 0, stderr);
    const claims = ["nonce", "aud", "azp", "iss", "exp", "sub"].map((claim) => `its claim ${claim} `);
    const others = ["it ran out", "not valid yet", "algorithm is not allowed", "signature is wrong", "unknown key"];
    const flows = ["not begun by this browser", "none of their groups has a role"];
    for (const reason of [...claims, ...others, ...flows]) {
      assert.ok(stdout.split("\n").some((row) => row.includes("refused") && row.includes(reason)), `no row: ${reason}`);
    }
    for (const text of [stdout, stack.log()]) assert.ok(!/eyJ[\w-]{20}/.test(text) && !text.includes(op.clientSecret));
    assert.equal((await stack.cli("audit", "verify")).code, 0);
  });

  test("names and addresses are text, wherever they are shown", async () => {
    const name = `<img src=x onerror=alert(1)>"'&\u202egnirts`;
    const { visitor } = await enter(stack, { claims: { name } });
    const page = await visitor.get(`${stack.url}/domains`);
    assert.equal(page.status, 200);
    assert.ok(!page.text.includes("<img src=x") && !page.text.includes("\u202e"));
  });
});

describe("a fresh proof of who one is", () => {
  let stack;
  let op;
  before(async () => {
    stack = await start();
    op = stack.op;
  });
  after(() => stack?.stop());

  test("only a fresh one of the same person will do", async () => {
    const stale = { auth_time: now(-3600) };
    const visitor = newVisitor();
    await enter(stack, { claims: stale }, visitor);
    const stepUp = async (plan, person = op.people.greta) => {
      op.person = person;
      op.plan = plan;
      const led = visitor.post(`${stack.url}/auth/step-up`, { return: "/keys" });
      const answer = await visitor.get(await callbackOf(visitor, stack, led));
      op.person = op.people.greta;
      return answer;
    };
    /** Whether a key could be stored now: tried, with one that the service does not know. */
    const proven = async () => {
      const page = await visitor.get(`${stack.url}/keys`);
      const tried = await visitor.submit(page, { label: "x", secret: "no-such-key" }, /\/do\/keys\/add/).catch(() => page);
      const end = await visitor.follow(tried);
      return !/action="\/auth\/step-up"/.test(end.text + tried.text);
    };
    assert.equal(await proven(), false, "an hour-old sign-in counts as fresh");
    const worthless = {
      "no auth_time": { auth_time: ABSENT },
      "an old one": stale,
      "one of the future": { auth_time: now(3600) },
      "one as text": { auth_time: String(now()) },
    };
    for (const [what, claims] of Object.entries(worthless)) {
      await stepUp({ claims });
      // Whoever is refused may be signed out; then there is nothing to prove.
      if (!(await whoIs(visitor, stack))) await enter(stack, { claims: stale }, visitor);
      assert.equal(await proven(), false, what);
    }
    assert.deepEqual([op.asked.prompt, op.asked.max_age], ["login", "0"]);
    await stepUp({}, op.people.alma);
    assert.notDeepEqual(await whoIs(visitor, stack), ["Alma Castell", "admin"], "another person took over the session");
    if (!(await whoIs(visitor, stack))) await enter(stack, { claims: stale }, visitor);
    assert.equal(await proven(), false, "another person's proof");
    const old = visitor.cookies(stack.url).get("__Host-sluice");
    await stepUp({});
    assert.deepEqual(await whoIs(visitor, stack), GRETA);
    assert.equal(await proven(), true);
    assert.notEqual(visitor.cookies(stack.url).get("__Host-sluice"), old, "the session keeps its id");
  });
});

describe("addresses, keys and descriptions of a provider", () => {
  const withStack = (name, env, body) =>
    test(name, async (t) => {
      const stack = await start(env);
      t.after(() => stack.stop());
      await body(stack, stack.op);
    });

  withStack("only verified addresses of the allowed domains", { SLUICE_ALLOWED_DOMAINS: "hosting.example" }, async (stack) => {
    const { visitor } = await enter(stack);
    assert.deepEqual(await whoIs(visitor, stack), GRETA);
    const plans = {
      unverified: { email_verified: false },
      "nothing said of it": { email_verified: ABSENT },
      "not a plain yes": { email_verified: 1 },
      "another domain": { email: "greta@other.example" },
      "a domain below": { email: "greta@sub.hosting.example" },
      "a domain around": { email: "greta@hosting.example.evil.example" },
      "two addresses": { email: "greta@hosting.example@evil.example" },
      "a look-alike": { email: "greta@h\u043esting.example" },
      "no address": { email: ABSENT },
    };
    for (const [what, claims] of Object.entries(plans)) {
      const tried = await enter(stack, { claims });
      await assertRefused(tried.visitor, stack, tried.answer, what);
    }
  });

  withStack("a person by address, where the provider has no groups", { SLUICE_ROLE_LEADS: "user:greta@hosting.example" }, async (stack) => {
    const none = { groups: ABSENT };
    const good = await enter(stack, { claims: none });
    assert.equal((await whoIs(good.visitor, stack))?.[1], "lead");
    const bad = await enter(stack, { claims: { ...none, email_verified: false } });
    await assertRefused(bad.visitor, stack, bad.answer, "an address that is not verified");
    const said = await enter(stack, { claims: { email: "evil@other.example", groups: ["user:greta@hosting.example"] } });
    await assertRefused(said.visitor, stack, said.answer, "a group named like a person");
  });

  withStack("no redirect is followed to keys", {}, async (stack, op) => {
    op.redirectTo = `${op.issuer}/elsewhere`;
    const visitor = newVisitor();
    await begin(visitor, stack);
    assert.equal(op.counts.redirected, 0);
    assert.equal(await whoIs(visitor, stack), null);
  });

  for (const [what, metadata] of Object.entries({
    "names another issuer": { issuer: "https://id.example" },
    "has its token endpoint elsewhere without TLS": { token_endpoint: "http://id.example/token" },
    "has its keys elsewhere without TLS": { jwks_uri: "http://id.example/jwks" },
    "has no authorisation endpoint": { authorization_endpoint: ABSENT },
    "sends people to a script": { authorization_endpoint: "javascript:alert(1)" },
  })) {
    test(`a description that ${what} is not used`, async (t) => {
      const op = await startSigner();
      op.metadata = metadata;
      const stack = await startWith(op, op.env(), await freePort());
      t.after(() => stack.stop());
      const answer = await begin(newVisitor(), stack);
      assert.ok(!answer.location || answer.location.startsWith(stack.url), `led to ${answer.location}`);
      assert.equal(op.counts.token, 0);
    });
  }

  for (const alg of ["ES256"]) {
    test(`${alg} is taken too`, async (t) => {
      const stack = await start({}, await startSigner({ alg }));
      t.after(() => stack.stop());
      const { visitor } = await enter(stack);
      assert.deepEqual(await whoIs(visitor, stack), GRETA);
    });
  }
});
