// The key map, and a leaked key from the first step to the last: with and without scripts, on a desktop and on a phone.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { checkAxe, checkWidth } from "../lib/axe.mjs";
import { closeBrowser, newPage } from "../lib/browser.mjs";
import { shot } from "../lib/shot.mjs";
import { startStack } from "../lib/stack.mjs";
import { addKey, signIn } from "./steps.mjs";

after(closeBrowser);

for (const scripts of [true, false]) {
  describe(`key map and leaked key, scripts ${scripts ? "on" : "off"}`, () => {
    let stack;
    let page;
    const size = scripts ? "desktop" : "phone";
    const look = async (name) => {
      await shot(page, `keymap-${name}-${size}`);
      await checkWidth(page, name);
      // axe is a script itself.
      if (scripts) await checkAxe(page, name);
    };
    const press = async (name) => {
      await page.getByRole("button", { name, exact: true }).click();
      await page.locator("#note").waitFor();
    };
    const next = () => page.locator(".guide [aria-current=step]").getAttribute("id");
    before(async () => {
      stack = await startStack({ domains: 2000, env: { SLUICE_SYNC_SECONDS: "86400", SLUICE_MX_SECONDS: "0" } });
      page = await newPage({ size, theme: scripts ? "light" : "dark", scripts });
      await signIn(page, stack, "Tomasz");
      for (let n = 1; n <= 12; n += 1) {
        const number = String(n).padStart(2, "0");
        await addKey(page, stack, `web${number}`, `sandbox-key-${number}`);
      }
    });
    after(async () => {
      await page?.context().close();
      await stack?.stop();
    });

    test("the map shows what each key holds, and each number leads to its domains", async () => {
      await page.goto(`${stack.url}/keys`);
      await page.getByRole("link", { name: "Key map" }).last().click();
      await page.getByRole("button", { name: "Sync now" }).click();
      await page.getByText("Synced just now from 12 keys").or(page.getByText(/^Synced \d+ s ago from 12 keys/)).waitFor();
      await page.getByText("Frees nothing").or(page.getByText(/^Frees [\d,]+ domains to any key$/)).first().waitFor();
      await look("map");
      const held = page.getByRole("link", { name: /^[\d,]+ locked to web07$/ });
      const count = await held.innerText();
      await held.click();
      await page.getByText(`${count} of 2,000 domains match`).waitFor();
      await page.goBack();
      const free = await page.locator("#coverage").getByRole("link", { name: /free domains$/ }).innerText();
      await page.locator("#coverage").getByRole("link", { name: /free domains$/ }).click();
      await page.getByText(`${free} of 2,000 domains match`).waitFor();
    });

    test("a leaked key: what it can do, then step by step", async () => {
      await page.goto(`${stack.url}/keys/map`);
      await page.getByRole("link", { name: "This key leaked… (web07)" }).click();
      await page.getByRole("heading", { name: "web07 leaked" }).waitFor();
      await page.getByText("Mint login links").waitFor();
      await look("leaked-start");
      await page.getByLabel("When may somebody first have had it?").selectOption("7");
      await press("Start the guide");
      assert.equal(await next(), "new-key");
      await look("leaked-new-key");
      await press("Let it take over");
      await page.locator("#choose-key-err").waitFor();
      await page.getByLabel("One of your keys of this account").selectOption({ label: "web08" });
      await press("Let it take over");
      assert.equal(await next(), "move");
      const plan = await page.getByRole("link", { name: /^Plan the moves of / }).getAttribute("href");
      assert.match(plan, /^\/bulk\/associate\?from=.+&to=.+&rescue=.+$/);
      await look("leaked-move");
    });

    test("what is left with the old key is said, and can be left", async () => {
      await press("The moves are made");
      assert.equal(await next(), "verify");
      await press("Ask both keys");
      await page.getByText(/the old key still sees [\d,]+ domains\./).waitFor();
      assert.equal(await next(), "verify");
      await look("leaked-verify");
      await page.getByLabel(/^Go on, and leave /).check();
      await press("Ask both keys");
      assert.equal(await next(), "compare");
    });

    test("what was tampered with is listed", async () => {
      await press("Compare now");
      await page.getByText(/Nothing found, but watched for .+ only/).waitFor();
      // The thief: another server, an alias, and an entry on the account's safelist.
      const [secret, name] = ["sandbox-key-07", "/domains/bikeshop-northgate.example"];
      const records = [{ priority: 1, weight: 1, port: 25, target: "evil.example." }];
      await stack.sandbox.call(secret, "PUT", `${name}/downstream-address`, { records });
      await stack.sandbox.call(secret, "POST", `${name}/alias/evil-alias.example`, {});
      const safelist = await stack.sandbox.list("account", "demo-host", "safelist");
      await stack.sandbox.setList("account", "demo-host", "safelist", [...safelist, "evil-sender.example"]);
      await press("Compare again");
      await page.getByText("3 changes that nobody made through Sluice").waitFor();
      await page.getByText("evil-sender.example").waitFor();
      assert.equal(await next(), "delete");
      await look("leaked-compare");
    });

    test("it is done when MailChannels rejects the key", async () => {
      await press("I deleted web07: check it");
      await page.getByText("MailChannels still takes the old key.").waitFor();
      assert.equal(await next(), "delete");
      await stack.sandbox.deleteKey("web07");
      await stack.sandbox.fault({ operation: "list-domains", kind: { status: { code: 500 } } });
      await press("I deleted web07: check it");
      await page.getByText("Only a rejection proves that the key is dead.").waitFor();
      assert.equal(await next(), "check");
      await look("leaked-unknown");
      await stack.sandbox.clearFaults();
      // Left, and opened again from where the keys are.
      await page.goto(`${stack.url}/keys`);
      await look("keys-under-way");
      await page.getByRole("link", { name: "Go on" }).click();
      await press("Check again");
      await page.getByRole("heading", { name: "Done: web07 is dead" }).waitFor();
      await look("leaked-done");
      await page.getByLabel("Type web07 to remove it").fill("web07");
      await press("Remove key from Sluice");
      await page.getByText("The leaked key is dead, and removed from Sluice.").waitFor();
      assert.equal(await page.getByRole("link", { name: "web07", exact: true }).count(), 0);
    });

    test("nothing was complained about", () => {
      page.assertClean();
    });
  });
}
