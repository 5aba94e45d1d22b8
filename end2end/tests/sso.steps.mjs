// Steps of the tests that sign in by a provider, with a browser or without.
import assert from "node:assert/strict";
import { sluiceClient, startOp } from "../lib/op.mjs";
import { ROLE_ENV } from "../lib/people.mjs";
import { freePort, startStack } from "../lib/stack.mjs";
import { Visitor, decode } from "../lib/visitor.mjs";

/** Loopback addresses, each used once: sign-ins are counted by address, and a test is not to wait for another's minute. */
let last = 255;
export const newVisitor = () => new Visitor({ from: `127.0.${(last += 1) >> 8}.${last & 255}` });

/** A provider from npm and a Sluice that believes it. `down`: the provider does not answer at first. */
export async function startSso({ env = {}, down = false, ...options } = {}) {
  const port = await freePort();
  const client = sluiceClient(`http://127.0.0.1:${port}`);
  const op = await startOp({ clients: [client] });
  if (down) await op.down();
  return startWith(op, op.env(client), port, env, options);
}

/** Sluice with these settings of sign-in; the provider ends with it. */
export async function startWith(op, auth, port, env = {}, options = {}) {
  const settings = { SLUICE_PUBLIC_URL: `http://127.0.0.1:${port}`, SLUICE_SYNC_SECONDS: "86400", ...auth, ...ROLE_ENV, ...env };
  try {
    const stack = await startStack({ port, ...options, env: settings });
    const stop = async () => {
      await stack.stop();
      await op.stop();
    };
    return { ...stack, op, stop };
  } catch (error) {
    await op.stop();
    throw error;
  }
}

/** Whom a page is for, as its frame says: `[name, role]`, or null where nobody is signed in. */
export function shownTo(html) {
  const found = html.match(/aria-label="([^"]*), (viewer|agent|lead|admin)"/);
  return found && [decode(found[1]), found[2]];
}

/** Who a visitor is to Sluice now. */
export async function whoIs(visitor, stack) {
  const answer = await visitor.get(`${stack.url}/domains`);
  if (answer.status === 200) return shownTo(answer.text);
  assert.ok([303, 302, 307, 401, 403].includes(answer.status), `/domains answers ${answer.status}`);
  return null;
}

/** Begins a sign-in: the answer that leads to the provider. */
export function begin(visitor, stack, back = "/domains") {
  return visitor.post(`${stack.url}/auth/start`, { return: back });
}

/** Signs a visitor in at the npm provider, and gives Sluice's answer to the callback. */
export async function enter(visitor, stack, person, back) {
  const answer = await stack.op.pass(visitor, await begin(visitor, stack, back), person);
  assert.match(answer.location ?? "", /\/auth\/callback\?/, `the provider led to ${answer.status}`);
  return visitor.get(answer.location);
}

/** What the browser is led back to at the signer, not yet asked for. */
export async function callbackOf(visitor, stack, start = begin(visitor, stack)) {
  const answer = await visitor.follow(await start, /\/auth\/callback/);
  assert.match(answer.location ?? "", /\/auth\/callback\?/, `the sign-in led to ${answer.status} ${answer.text?.slice(0, 120)}`);
  return answer.location;
}

/** No page, no session, no word of what was wrong inside, and nothing like a secret. */
export async function assertRefused(visitor, stack, answer, what) {
  assert.ok(answer.status >= 300 && answer.status < 500, `${what}: ${answer.status}`);
  assert.equal(await whoIs(visitor, stack), null, `${what}: signed in all the same`);
  const end = await visitor.follow(answer);
  assert.equal(shownTo(end.text), null, what);
  const all = answer.text + end.text;
  assert.ok(!/eyJ[\w-]{10}/.test(all + (answer.location ?? "")), `${what}: a token is shown`);
  assert.ok(!/<script>alert/.test(all), `${what}: words of the provider are markup`);
}
