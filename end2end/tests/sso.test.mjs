// Signing in by a real OpenID provider, in the browser: there and back, again for what needs it, out here and out there;
// people who change, keys that roll over, a provider that is down.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { checkAxe, checkWidth } from "../lib/axe.mjs";
import { closeBrowser, newPage } from "../lib/browser.mjs";
import { shot } from "../lib/shot.mjs";
import { assertRefused, begin, enter, newVisitor, shownTo, startSso, whoIs } from "./sso.steps.mjs";

after(closeBrowser);

/** Pages that say no, which the browser logs. */
const REFUSED = { statuses: [400, 401, 403] };
const PERSON = { greta: "Greta Lindqvist", lev: "Lev Ostrander", nils: "Nils Holm" };

/** At the provider: presses a person's button. */
async function choose(page, stack, name) {
  await page.waitForURL((url) => url.href.startsWith(`${stack.op.issuer}/interaction/`));
  await page.getByRole("button", { name }).click();
}
/** On Sluice's own sign-in page: goes to the provider. */
async function leave(page) {
  await page.locator("form[action='/auth/start'] button").click();
}

for (const scripts of [true, false]) {
  const on = scripts ? "on" : "off";
  describe(`single sign-on in the browser, scripts ${on}`, () => {
    let stack;
    let page;
    const look = async (name) => {
      await shot(page, `sso-${name}-${on}`);
      await checkWidth(page, name);
      if (scripts) await checkAxe(page, name);
    };
    const open = () => newPage({ size: scripts ? "desktop" : "phone", theme: "light", scripts });
    const shown = async () => shownTo(await page.content());
    /** Asked by address, secure cookies of a loopback address without TLS would be left out. */
    const ours = async () => (await page.context().cookies()).filter(({ domain }) => domain === "127.0.0.1");
    before(async () => {
      stack = await startSso();
      page = await open();
    });
    after(async () => {
      await page?.context().close();
      await stack?.stop();
    });

    test("there and back again, to the page that was asked for", async () => {
      await page.goto(`${stack.url}/explain?to=reception@bikeshop-northgate.example`);
      assert.equal(new URL(page.url()).pathname, "/sign-in");
      await look("sign-in");
      await leave(page);
      // An hour ago: so nothing below counts as fresh.
      stack.op.ageNext(3600);
      await choose(page, stack, PERSON.greta);
      await page.waitForURL(`${stack.url}/explain?to=reception@bikeshop-northgate.example`);
      assert.deepEqual(await shown(), [PERSON.greta, "agent"]);
      const cookies = await ours();
      assert.ok(cookies.some(({ name }) => name === "__Host-sluice"));
      for (const cookie of cookies) {
        assert.ok(cookie.name.startsWith("__Host-"), cookie.name);
        assert.deepEqual([cookie.secure, cookie.httpOnly, cookie.sameSite, cookie.path], [true, true, "Lax", "/"], cookie.name);
      }
      page.assertClean();
    });

    test("storing a key wants a fresh proof, and gets one from the provider", async () => {
      await page.goto(`${stack.url}/keys`);
      const store = async () => {
        await page.getByLabel("Label", { exact: true }).fill("web07");
        await page.getByLabel("API key", { exact: true }).fill("sandbox-key-07");
        await page.getByRole("button", { name: "Check and store key" }).click();
      };
      const confirm = page.locator("form[action='/auth/step-up'] button").first();
      // The form may be there at once, or after the first try; the key must not be stored either way.
      if (!(await confirm.isVisible())) await store();
      await confirm.waitFor();
      await look("step-up");
      assert.ok(!(await page.content()).includes("sandbox-key-07"), "a key came back");
      await confirm.click();
      await choose(page, stack, PERSON.greta);
      await page.waitForURL((url) => url.href.startsWith(`${stack.url}/keys`));
      assert.deepEqual(await shown(), [PERSON.greta, "agent"]);
      await store();
      await page.locator("#note").waitFor();
      assert.match(await page.locator("main").textContent(), /web07/);
      page.assertClean(REFUSED);
    });

    test("signing out ends it here and there", async () => {
      const kept = await ours();
      await page.goto(`${stack.url}/domains`);
      await page.locator("button[popovertarget=me]").click();
      await page.getByRole("button", { name: "Sign out", exact: true }).click();
      await page.getByRole("button", { name: "Sign out everywhere" }).click();
      await page.waitForURL(`${stack.url}/sign-in?out=1`);
      await page.getByText("You are signed out.").waitFor();
      await look("out");
      assert.equal(stack.op.sessions(stack.op.people.greta), 0);
      // The old cookie is worth nothing.
      await page.context().addCookies(kept.filter(({ name }) => name === "__Host-sluice"));
      await page.goto(`${stack.url}/domains`);
      assert.equal(new URL(page.url()).pathname, "/sign-in");
      page.assertClean(REFUSED);
    });

    test("who presses Cancel, or has no group here, is told and not let in", async () => {
      await page.goto(`${stack.url}/sign-in`);
      await leave(page);
      await choose(page, stack, "Cancel");
      await page.waitForURL((url) => url.href.startsWith(stack.url));
      await page.getByRole("heading").first().waitFor();
      await look("cancelled");
      assert.equal(await shown(), null);
      await page.goto(`${stack.url}/sign-in`);
      await leave(page);
      await choose(page, stack, PERSON.nils);
      await page.waitForURL((url) => url.href.startsWith(stack.url));
      await page.getByRole("heading").first().waitFor();
      await look("no-group");
      assert.equal(await shown(), null);
      page.assertClean(REFUSED);
    });

    test("a session that ends at the provider ends here with the next click", async () => {
      // Who was refused is still signed in over there.
      await stack.op.terminate(stack.op.people.nils).catch(() => {});
      await page.goto(`${stack.url}/sign-in`);
      await leave(page);
      await choose(page, stack, PERSON.lev);
      await page.waitForURL(`${stack.url}/domains`);
      assert.deepEqual(await shown(), [PERSON.lev, "lead"]);
      await stack.op.terminate(stack.op.people.lev);
      await page.goto(`${stack.url}/domains`);
      assert.equal(new URL(page.url()).pathname, "/sign-in");
      page.assertClean(REFUSED);
    });
  });
}

describe("what changes at the provider", () => {
  let stack;
  before(async () => {
    stack = await startSso();
  });
  after(() => stack?.stop());

  /** A change at the provider, for as long as `body` runs. */
  async function meanwhile(person, changes, body) {
    const kept = structuredClone(person);
    Object.assign(person, changes);
    await body().finally(() => Object.assign(person, kept));
  }

  test("each group has its role, the highest counts, and each sign-in asks anew", async () => {
    const { people } = stack.op;
    for (const [key, role] of Object.entries({ alma: "admin", lev: "lead", greta: "agent", vito: "viewer" })) {
      const visitor = newVisitor();
      await enter(visitor, stack, key);
      assert.deepEqual(await whoIs(visitor, stack), [people[key].name, role]);
    }
    await meanwhile(people.vito, { groups: ["sluice-viewers", "sluice-leads"] }, async () => {
      const visitor = newVisitor();
      await enter(visitor, stack, "vito");
      assert.equal((await whoIs(visitor, stack))[1], "lead");
    });
    // Case and neighbours of a name are other names.
    const almost = ["Sluice-Admins", "sluice-admins2", " sluice-admins", "*", "user:vito@hosting.example"];
    await meanwhile(people.vito, { groups: almost }, async () => {
      const visitor = newVisitor();
      await assertRefused(visitor, stack, await enter(visitor, stack, "vito"), "groups that are almost ours");
    });
  });

  test("a group that was lost counts at the next sign-in", async () => {
    await enter(newVisitor(), stack, "greta");
    await meanwhile(stack.op.people.greta, { groups: ["everyone"] }, async () => {
      const visitor = newVisitor();
      await assertRefused(visitor, stack, await enter(visitor, stack, "greta"), "lost the group");
    });
  });

  test("and ends the sessions that began with it", async () => {
    const inside = newVisitor();
    await enter(inside, stack, "greta");
    await meanwhile(stack.op.people.greta, { groups: ["everyone"] }, async () => {
      await enter(newVisitor(), stack, "greta");
      assert.equal(await whoIs(inside, stack), null, "the older session lives on");
    });
  });

  test("a person who is disabled here is out with the next request, and does not come back", async () => {
    const visitor = newVisitor();
    await enter(visitor, stack, "lev");
    assert.equal((await whoIs(visitor, stack))[1], "lead");
    const list = await stack.cli("user", "list");
    assert.equal(list.code, 0, list.stderr);
    const line = list.stdout.split("\n").find((text) => text.includes("lev@hosting.example"));
    const id = line?.trim().split(/[\s,|]+/)[0];
    const done = await stack.cli("user", "disable", id);
    assert.equal(done.code, 0, `${done.stderr} (id ${id})`);
    assert.equal(await whoIs(visitor, stack), null);
    await assertRefused(visitor, stack, await enter(visitor, stack, "lev"), "disabled");
  });

  test("a link from the command line lets one in while the provider is down, once", async () => {
    await enter(newVisitor(), stack, "alma");
    await stack.op.down();
    try {
      const made = await stack.cli("user", "link", "alma@hosting.example");
      assert.equal(made.code, 0, made.stderr);
      const link = made.stdout.match(/http:\/\/\S+\/auth\/link\/\S+/)[0];
      const visitor = newVisitor();
      // Looking at it (as mail scanners do) does not use it up.
      for (let looks = 2; looks; looks -= 1) assert.equal((await visitor.get(link)).status, 200);
      await visitor.submit(await visitor.get(link), {}, /\/auth\/link\//);
      assert.deepEqual(await whoIs(visitor, stack), [stack.op.people.alma.name, "admin"]);
      const second = newVisitor();
      await second.post(link, {});
      assert.equal(await whoIs(second, stack), null);
      const token = link.split("/").at(-1);
      assert.ok(!stack.log().includes(token), "the link is in the log");
    } finally {
      await stack.op.up();
    }
  });

  test("the provider is down: who is in stays in, who comes is told, and afterwards all is well", async () => {
    const inside = newVisitor();
    await enter(inside, stack, "greta");
    const between = newVisitor();
    const led = await stack.op.pass(between, await begin(between, stack), "greta");
    await stack.op.down();
    try {
      assert.equal((await whoIs(inside, stack))[1], "agent");
      const answer = await between.get(led.location);
      assert.ok([302, 303, 502, 503, 504].includes(answer.status), `the callback answers ${answer.status}`);
      assert.equal(await whoIs(between, stack), null);
    } finally {
      await stack.op.up();
    }
    stack.op.answerWith(500);
    const broken = newVisitor();
    const again = await begin(broken, stack);
    assert.ok(again.status < 500 || [502, 503, 504].includes(again.status), String(again.status));
    stack.op.answerWith(null);
    const visitor = newVisitor();
    await enter(visitor, stack, "greta");
    assert.equal((await whoIs(visitor, stack))[1], "agent");
  });

  test("keys roll over in mid-session: nobody is signed out, and new people get in within the minute", async () => {
    const inside = newVisitor();
    await enter(inside, stack, "greta");
    const fetched = stack.op.counts.jwks;
    stack.op.rotate({ dropOld: true });
    assert.equal((await whoIs(inside, stack))[1], "agent");
    const deadline = Date.now() + 75_000;
    for (;;) {
      const visitor = newVisitor();
      await enter(visitor, stack, "vito");
      if (await whoIs(visitor, stack)) break;
      assert.ok(Date.now() < deadline, "the new key is not found");
      await new Promise((resolve) => setTimeout(resolve, 1500));
    }
    assert.equal(stack.op.counts.jwks, fetched + 1, "one look at the keys is enough");
    // Also signing out at the provider works then, though it no longer knows the key of the old ID token.
    const out = await inside.post(`${stack.url}/sign-out`, {});
    assert.ok([302, 303].includes(out.status));
    assert.equal(await whoIs(inside, stack), null);
  });
});

test("Sluice starts while the provider is down, and lets people in when it is back", async (t) => {
  const stack = await startSso({ down: true });
  t.after(() => stack.stop());
  const answer = await begin(newVisitor(), stack);
  assert.ok([302, 303, 502, 503, 504].includes(answer.status), String(answer.status));
  assert.ok(!answer.location?.startsWith(stack.op.issuer), "led to a provider that was never seen");
  await stack.op.up();
  const deadline = Date.now() + 15_000;
  while (!(await begin(newVisitor(), stack)).location?.startsWith(stack.op.issuer)) {
    assert.ok(Date.now() < deadline, "never comes back");
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  const visitor = newVisitor();
  await enter(visitor, stack, "greta");
  assert.equal((await whoIs(visitor, stack))[1], "agent");
});
