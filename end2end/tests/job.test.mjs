// The whole job of a support lead, in the browser: a key in, a domain found, changed, provisioned, deprovisioned.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { closeBrowser, newPage } from "../lib/browser.mjs";
import { startStack } from "../lib/stack.mjs";
import { addKey, signIn } from "./steps.mjs";

const NAME = "bikeshop-northgate.example";

for (const scripts of [true, false]) {
  describe(`the job, scripts ${scripts ? "on" : "off"}`, () => {
    let stack;
    let page;
    before(async () => {
      stack = await startStack({ domains: 2000 });
      page = await newPage({ size: "desktop", theme: "light", scripts });
      await signIn(page, stack, "Tomasz");
    });
    after(async () => {
      await page?.context().close();
      await stack?.stop();
    });

    test("a key is stored, and its domains are there", async () => {
      await addKey(page, stack, "web07", "sandbox-key-07");
      await page.getByText("web07 is stored").waitFor();
      await addKey(page, stack, "web08", "sandbox-key-08");
      await page.getByText("web08 is stored").waitFor();
    });

    test("part of a name filters, an address opens its domain", async () => {
      await page.goto(stack.url);
      if (scripts) {
        await page.locator("html[data-ready]").waitFor();
        await page.keyboard.press("/");
        assert.equal(await page.evaluate(() => document.activeElement.id), "palette-text");
        await page.keyboard.press("Escape");
      }
      await page.locator("#search").fill("northgate");
      await page.locator("#search").press("Enter");
      await page.waitForURL(/\/domains\?q=northgate$/);
      await page.getByRole("link", { name: NAME }).waitFor();
      await page.locator("#search").fill(`Owner <owner@${NAME}>`);
      await page.locator("#search").press("Enter");
      await page.waitForURL(`${stack.url}/domains/${NAME}`);
      await page.getByRole("heading", { level: 1, name: NAME }).waitFor();
    });

    test("policy is changed and taken back", async () => {
      await page.goto(`${stack.url}/domains/${NAME}`);
      await page.getByRole("radio", { name: /^Block/ }).check();
      await page.getByRole("button", { name: "Save spam handling" }).click();
      await page.getByText("Spam handling is saved.").waitFor();
      assert.equal((await stack.sandbox.domain(NAME)).settings.abusePolicy, "block");
      await page.locator("#note").getByRole("button", { name: "Undo" }).click();
      await page.getByText("The change is taken back.").waitFor();
      assert.equal((await stack.sandbox.domain(NAME)).settings.abusePolicy, "quarantine");
    });

    test("servers are replaced after their difference is seen", async () => {
      await page.goto(`${stack.url}/domains/${NAME}`);
      if (scripts) {
        await page.locator("html[data-ready]").waitFor();
        await page.getByRole("button", { name: "Add server" }).click();
      }
      const targets = page.locator("#servers input[name$='[target]']");
      await targets.last().fill("spool.lon01.example");
      if (scripts) await page.getByText("Saving replaces the whole list: 2 servers become 3").waitFor();
      await page.getByRole("button", { name: "Review and replace…" }).click();
      await page.getByRole("heading", { name: "2 servers become 3" }).waitFor();
      assert.equal((await stack.sandbox.domain(NAME)).downstreamAddresses.length, 2, "nothing sent yet");
      await page.getByRole("button", { name: "Replace 2 servers with 3" }).click();
      await page.getByText("Replaced 2 servers with 3.").waitFor();
      assert.equal((await stack.sandbox.domain(NAME)).downstreamAddresses.length, 3);
    });

    test("an alias comes, a conflict is said beside its field", async () => {
      await page.goto(`${stack.url}/domains/${NAME}`);
      await page.getByLabel("Add an alias").fill("Räder-Northgate.example");
      await page.getByRole("button", { name: "Add alias" }).click();
      await page.getByText("is an alias now.").waitFor();
      await page.locator("#aliases").getByText("räder-northgate.example").waitFor();
      await page.getByLabel("Add an alias").fill("owned-by-other.example");
      await page.getByRole("button", { name: "Add alias" }).click();
      await page.locator("#alias-alias-err, #alias-err").getByText("is in use already").waitFor();
      assert.equal(await page.getByLabel("Add an alias").inputValue(), "owned-by-other.example");
    });

    test("a text that would break out of its field does not", async () => {
      await page.goto(`${stack.url}/domains/${NAME}`);
      const evil = "</textarea><script>document.title='owned'</script>";
      await page.locator("#admins textarea").fill(evil);
      await page.getByRole("button", { name: "Save admins" }).click();
      await page.locator("#admins .err").waitFor();
      assert.equal(await page.locator("#admins textarea").inputValue(), evil);
      assert.notEqual(await page.title(), "owned");
    });

    test("the domain moves to another key", async () => {
      await page.goto(`${stack.url}/domains/${NAME}`);
      await page.getByLabel("Lock to another key").selectOption({ label: "web08" });
      await page.getByRole("button", { name: "Lock to this key" }).click();
      await page.getByText("The domain is locked to that key now.").waitFor();
      assert.equal((await stack.sandbox.domain(NAME)).key, "web08");
    });

    test("a login link is shown once", async () => {
      await page.goto(`${stack.url}/domains/${NAME}`);
      const [link] = await Promise.all([
        page.context().waitForEvent("page"),
        page.getByRole("button", { name: "Login link", exact: true }).click(),
      ]);
      const href = await link.getByRole("link", { name: "Open Domain Console" }).getAttribute("href");
      assert.match(href, /^https:\/\/.+/);
      await link.close();
      await page.reload();
      await page.locator("#history").getByText("Created a login link").waitFor();
      assert.ok(!(await page.content()).includes(href));
      assert.ok(!stack.log().includes(href));
    });

    test("three are provisioned at once, each with an outcome", async () => {
      await page.goto(`${stack.url}/provision/many`);
      await page.waitForURL(`${stack.url}/bulk/provision`);
      await page.locator("#bulk-text").fill("acorn-joinery.example,mx.web07.example,block\nköln-vets.example,mx.web07.example,flag\nowned-by-other.example,mx.web07.example,\n");
      await page.locator("#bulk-subscription").selectOption({ index: 1 });
      await page.getByRole("button", { name: "Make the plan" }).click();
      await page.getByRole("heading", { name: "Plan: Provision 3 domains" }).waitFor();
      assert.equal(await stack.sandbox.domain("acorn-joinery.example"), null, "nothing sent yet");
      await page.getByRole("button", { name: "Provision 3 domains" }).click();
      await page.getByText("Ended", { exact: true }).waitFor();
      const row = (name) => page.getByRole("row").filter({ hasText: name });
      await row("acorn-joinery.example").getByText("Provisioned", { exact: true }).waitFor();
      await row("owned-by-other.example").getByText("another customer").waitFor();
      assert.equal((await stack.sandbox.domain("köln-vets.example")).settings.abusePolicy, "flag");
    });

    test("one is deprovisioned, by its typed name", async () => {
      await page.goto(`${stack.url}/domains/acorn-joinery.example`);
      await page.getByRole("link", { name: "Deprovision…" }).click();
      await page.getByRole("button", { name: "Deprovision 1 domain" }).click();
      await page.locator(".err").getByText("Type acorn-joinery.example").waitFor();
      await page.getByLabel(/^Type acorn-joinery/).fill("acorn-joinery.example");
      await page.getByRole("button", { name: "Deprovision 1 domain" }).click();
      await page.getByText("acorn-joinery.example is deprovisioned.").waitFor();
      assert.equal(await stack.sandbox.domain("acorn-joinery.example"), null);
    });

    test("nothing was complained about, and no key was logged", () => {
      page.assertClean();
      assert.ok(!stack.log().includes("sandbox-key-"), "a key in the log");
    });
  });
}

after(closeBrowser);
