// A signed header of an access proxy: judged on every request, and never replaced by an older session.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { fresh, makeKey, now } from "../lib/jws.mjs";
import { raw } from "../lib/raw.mjs";
import { freePort } from "../lib/stack.mjs";
import { ABSENT, publicKeyAsSecret, startSigner } from "../lib/signer.mjs";
import { shownTo, startWith } from "./sso.steps.mjs";

const HTML = "Accept: text/html";
const roleIn = (answer) => (answer.status === 200 ? shownTo(answer.text)?.[1] : undefined);

for (const [alg, header] of [["RS256", "X-Forwarded-Access-Token"], ["ES256", "Authorization"]]) {
  describe(`${alg} in ${header}`, () => {
    let stack;
    let op;
    const line = (token) => `${header}: ${header === "Authorization" ? "Bearer " : ""}${token}`;
    const ask = (lines, options) => raw(stack.url, "/domains", [HTML, ...lines], options);
    const of = (changes, { header: head, key } = {}) => line(op.idToken(op.claims(op.people.greta, changes), { header: head, key }));
    before(async () => {
      op = await startSigner({ alg });
      stack = await startWith(op, op.headerEnv(header), await freePort(), { SLUICE_STEP_UP: "required" });
    });
    after(() => stack?.stop());

    test("the right one opens, and each request asks it anew", async () => {
      assert.equal(roleIn(await ask([of()])), "agent");
      assert.equal(roleIn(await ask([of({ groups: ["sluice-viewers"] })])), "viewer");
      assert.ok([401, 403].includes((await ask([of({ groups: [] })])).status));
    });

    test("every wrong one is refused, also with a session that was right", async () => {
      const first = await ask([of()]);
      const cookies = [...first.head.matchAll(/^set-cookie: ([^;\r]*)/gim)].map(([, pair]) => pair).join("; ");
      const wrong = {
        none: [],
        empty: [line("")],
        "two of them": [of(), of({ sub: "u-1001", groups: ["sluice-admins"] })],
        "no token": [line("abc")],
        "another name": [of().replace(/^[^:]*/, "X-Other")],
        "an alias": [of().replace(header, header.replaceAll("-", "_") + (header.includes("-") ? "" : "_"))],
        "another audience": [of({ aud: "other" })],
        "no audience": [of({ aud: ABSENT })],
        "another issuer": [of({ iss: "https://id.example" })],
        expired: [of({ exp: now(-600), iat: now(-900) })],
        "no exp": [of({ exp: ABSENT })],
        "not valid yet": [of({ nbf: now(600) })],
        "no sub": [of({ sub: ABSENT })],
        "no signature": [of({}, { header: { alg: "none" }, key: null })],
        "another key": [of({}, { key: op.stranger })],
        "an unknown key": [of({}, { header: { kid: fresh() } })],
        "a key of its own": [of({}, { header: { jwk: op.stranger.publicJwk, kid: "own" }, key: op.stranger })],
        "the public key as secret": [of({}, { header: { alg: "HS256" }, key: publicKeyAsSecret.pem(op.key) })],
        "the published key as secret": [of({}, { header: { alg: "HS256" }, key: publicKeyAsSecret.jwk(op.key) })],
        "an algorithm that is not on our list": [of({}, { header: { alg: "EdDSA" }, key: makeKey("EdDSA", op.key.kid) })],
        "another scheme": header === "Authorization" ? [of().replace("Bearer", "Basic")] : [],
      };
      for (const [what, lines] of Object.entries(wrong)) {
        assert.equal((await ask(lines)).status, 401, what);
        if (cookies) assert.equal((await ask([`Cookie: ${cookies}`, ...lines])).status, 401, `${what}, with an older session`);
      }
    });

    test("a session goes with its person only", async () => {
      const first = await ask([of()]);
      const cookies = [...first.head.matchAll(/^set-cookie: ([^;\r]*)/gim)].map(([, pair]) => pair).join("; ");
      const vito = op.idToken(op.claims(op.people.vito));
      const answer = await ask([...(cookies ? [`Cookie: ${cookies}`] : []), line(vito)]);
      assert.ok(answer.status === 401 || roleIn(answer) === "viewer");
    });

    test("no token is in the log", async () => {
      assert.ok(!/eyJ[\w-]{20}/.test(stack.log()));
    });
  });
}

test("keys roll over: the new one is found, the withdrawn one no longer counts", async (t) => {
  const op = await startSigner();
  const stack = await startWith(op, op.headerEnv(), await freePort(), { SLUICE_STEP_UP: "required" });
  t.after(() => stack.stop());
  const ask = (key) => raw(stack.url, "/domains", [HTML, `X-Forwarded-Access-Token: ${op.idToken(op.claims(), { key, header: { kid: key.kid } })}`]);
  assert.equal(roleIn(await ask(op.key)), "agent");
  const next = makeKey("RS256");
  op.published = [next.publicJwk];
  const deadline = Date.now() + 75_000;
  while ((await ask(next)).status !== 200) {
    assert.ok(Date.now() < deadline, "the new key is not found");
    await new Promise((resolve) => setTimeout(resolve, 1500));
  }
  assert.ok(op.counts.jwks <= 3, `${op.counts.jwks} looks`);
  assert.equal((await ask(op.key)).status, 401);
});
