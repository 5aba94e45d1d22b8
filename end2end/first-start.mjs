// What somebody does first at a new Sluice, as a program: signs in, stores an API key, waits for its domains.
//
//   node first-start.mjs BASE KEY [PERSON]
//
// PERSON is picked at the tests' OpenID provider; without one, the demo's sign-in is used.
import assert from "node:assert/strict";
import { decode, Visitor } from "./lib/visitor.mjs";

const [base, secret, person] = process.argv.slice(2);
const visitor = new Visitor();

/** Through the provider's pages, back to Sluice. */
async function provider(answer) {
  for (let steps = 10; !/\/auth\/callback/.test(answer.location ?? ""); steps -= 1) {
    assert.ok(steps, `the provider does not lead back: ${answer.status}`);
    if (answer.location) answer = await visitor.get(answer.location);
    else answer = await visitor.submit(answer, answer.url.includes("/interaction/") ? { person } : {});
  }
  return visitor.follow(await visitor.get(answer.location));
}

const closed = await visitor.get(`${base}/domains`);
assert.match(closed.location ?? "", /sign-in/, `nobody is let in unasked: ${closed.status}`);
let page = person
  ? await provider(await visitor.post(`${base}/auth/start`, { return: "/keys" }))
  : await visitor.follow(await visitor.submit(await visitor.get(`${base}/sign-in`), { user: "demo-lead", person: "tomasz" }, /sign-in|auth/));
const who = page.text.match(/aria-label="([^"]*, (?:viewer|agent|lead|admin))"/);
assert.ok(who, `not signed in: ${page.status} ${page.url}`);
console.log(`signed in as ${decode(who[1])}`);

const store = async () => visitor.follow(await visitor.submit(await visitor.get(`${base}/keys`), { label: "web07", secret }, /do\/keys\/add/));
page = await store();
if (/\/confirm/.test(page.url)) {
  console.log("asked to sign in once more, for a key");
  await provider(await visitor.submit(page, {}, /step-up/));
  page = await store();
}
assert.ok(!page.text.includes(secret), "the key is on a page");
assert.match(page.text, /web07/, `not stored: ${page.status} ${page.url}`);
console.log("stored a key");

for (let looks = 150; ; looks -= 1) {
  page = await visitor.get(`${base}/domains`);
  const links = new Set([...page.text.matchAll(/href="(\/domains\/[^"?]+)"/g)].map(([, path]) => path));
  if (links.size > 5) {
    console.log(`its domains are there: ${decode(page.text.match(/[\d,.]+ domains?\b/)?.[0] ?? `${links.size} on the page`)}`);
    break;
  }
  assert.ok(looks, "no domains");
  await new Promise((resolve) => setTimeout(resolve, 200));
}
