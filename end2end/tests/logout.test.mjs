// Back-channel logout: a right token ends exactly the sessions it names, and every wrong one ends nothing.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { fresh, now } from "../lib/jws.mjs";
import { freePort } from "../lib/stack.mjs";
import { ABSENT, publicKeyAsSecret, startSigner } from "../lib/signer.mjs";
import { callbackOf, newVisitor, startWith, whoIs } from "./sso.steps.mjs";

const EVENT = "http://schemas.openid.net/event/backchannel-logout";

describe("back-channel logout", () => {
  let stack;
  let op;
  before(async () => {
    op = await startSigner();
    stack = await startWith(op, op.env(), await freePort());
  });
  after(() => stack?.stop());

  /** A person signed in under a session id of the provider's. */
  async function enter(sid, person = op.people.greta) {
    const visitor = newVisitor();
    op.person = person;
    op.plan = { claims: { sid } };
    await visitor.get(await callbackOf(visitor, stack));
    assert.ok(await whoIs(visitor, stack), "signed in");
    return visitor;
  }
  /** As a provider does: no cookies, no Origin. */
  const tell = (form) => newVisitor().post(`${stack.url}/auth/back-channel`, form, { headers: { origin: undefined, "sec-fetch-site": undefined }, cookies: false });
  const out = async (visitor) => (await whoIs(visitor, stack)) === null;

  test("by session id: that session and no other", async () => {
    const [first, second] = [await enter("s-1"), await enter("s-2")];
    const answer = await tell({ logout_token: op.logoutToken({ sub: "u-1003", sid: "s-1" }) });
    assert.equal(answer.status, 200);
    assert.match(answer.headers["cache-control"], /no-store/);
    assert.ok(await out(first));
    assert.ok(!(await out(second)));
    // A session that is not here is none of ours: the provider is told that all is well.
    assert.ok([200, 204].includes((await tell({ logout_token: op.logoutToken({ sid: "s-none" }) })).status));
    assert.ok(!(await out(second)));
  });

  test("by session id alone, and by person: all of theirs", async () => {
    const [one, two, three] = [await enter("s-3"), await enter("s-4"), await enter("s-5")];
    const other = await enter("s-6", op.people.vito);
    assert.equal((await tell({ logout_token: op.logoutToken({ sid: "s-3" }) })).status, 200);
    assert.ok(await out(one));
    assert.ok(!(await out(two)));
    assert.equal((await tell({ logout_token: op.logoutToken({ sub: "u-1003" }) })).status, 200);
    assert.ok((await out(two)) && (await out(three)));
    assert.ok(!(await out(other)));
  });

  test("a token counts once", async () => {
    const first = await enter("s-7");
    const logout_token = op.logoutToken({ sid: "s-7" });
    assert.equal((await tell({ logout_token })).status, 200);
    assert.ok(await out(first));
    const second = await enter("s-7");
    await tell({ logout_token });
    assert.ok(!(await out(second)), "a replayed token ended a later session");
  });

  test("every wrong one is refused and ends nothing", async () => {
    const visitor = await enter("s-8");
    const right = { sub: "u-1003", sid: "s-8" };
    const of = (changes, header, key) => op.logoutToken({ ...right, ...changes }, header, key);
    const tokens = {
      "no events": of({ events: ABSENT }),
      "another event": of({ events: { "http://schemas.openid.net/event/other": {} } }),
      "an event that is no object": of({ events: { [EVENT]: true } }),
      "events as a list": of({ events: [EVENT] }),
      "with a nonce": of({ nonce: fresh() }),
      "another audience": of({ aud: "other" }),
      "no audience": of({ aud: ABSENT }),
      "another issuer": of({ iss: "https://id.example" }),
      expired: of({ exp: now(-600), iat: now(-900) }),
      "no exp, and made a while ago": of({ exp: ABSENT, iat: now(-300) }),
      "of the future": of({ iat: now(3600), exp: now(7200) }),
      "no jti": of({ jti: ABSENT }),
      "nobody named": of({ sub: ABSENT, sid: ABSENT }),
      "no signature": of({}, { alg: "none" }, null),
      "another key": of({}, {}, op.stranger),
      "the public key as secret": of({}, { alg: "HS256" }, publicKeyAsSecret.pem(op.key)),
      "its own key in the header": of({}, { jwk: op.stranger.publicJwk, kid: "own" }, op.stranger),
      "an ID token": op.idToken(op.claims(op.people.greta, { sid: "s-8", nonce: "n" })),
      "no token": "x",
    };
    for (const [what, logout_token] of Object.entries(tokens)) {
      const answer = await tell({ logout_token });
      assert.equal(answer.status, 400, what);
      assert.match(answer.headers["cache-control"], /no-store/, what);
      assert.ok(!(await out(visitor)), what);
    }
    assert.equal((await tell({})).status >= 400, true);
    assert.equal((await tell({ logout_token: "x".repeat(200_000) })).status >= 400, true);
    assert.ok([404, 405].includes((await newVisitor().get(`${stack.url}/auth/back-channel?logout_token=${of({})}`)).status));
    assert.ok(!(await out(visitor)));
    assert.ok(!/eyJ[\w-]{20}/.test(stack.log()), "a token is in the log");
  });
});
