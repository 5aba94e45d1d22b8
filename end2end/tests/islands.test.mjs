// What islands do that no other test presses: copying, dropping a file, rows of servers that come and go.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { closeBrowser, newPage } from "../lib/browser.mjs";
import { startStack } from "../lib/stack.mjs";
import { addKey, signIn } from "./steps.mjs";

const NAME = "bikeshop-northgate.example";

for (const size of ["desktop", "phone"]) {
  describe(`islands, ${size}`, () => {
    let stack;
    let page;
    before(async () => {
      stack = await startStack({ domains: 200 });
      page = await newPage({ size, theme: "light", scripts: true });
      await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
      await signIn(page, stack, "Tomasz");
      await addKey(page, stack, "web07", "sandbox-key-07");
      await page.getByText("web07 is stored").waitFor();
    });
    after(async () => {
      await page?.context().close();
      await stack?.stop();
    });

    const open = async (path) => {
      await page.goto(`${stack.url}${path}`);
      await page.locator("html[data-ready]").waitFor();
    };

    test("a press copies, says so, and stops saying so", async () => {
      await open(`/domains/${NAME}`);
      const button = page.getByRole("button", { name: "Copy the domain" });
      await button.click();
      await button.getByText("Copied").waitFor();
      assert.equal(await page.evaluate(() => navigator.clipboard.readText()), NAME);
      await button.getByText("Copy", { exact: true }).waitFor();
    });

    test("rows of servers come and go, and what saving would change is said", async () => {
      await open(`/domains/${NAME}`);
      const editor = page.locator("#servers");
      const rows = editor.locator("tbody tr");
      const targets = editor.locator("input[name$='[target]']");
      const changes = editor.locator("#server-changes");
      assert.equal(await rows.count(), 3, "two and a spare one");
      assert.equal(await changes.isVisible(), false);
      const first = await targets.first().inputValue();
      await targets.first().fill(first.toUpperCase());
      assert.equal(await changes.isVisible(), false, "the same in capitals");
      await targets.nth(2).fill("spool.lon01.example");
      await changes.getByText("Saving replaces the whole list: 2 servers become 3").waitFor();
      await changes.locator("[data-tone=ok]").getByText("spool.lon01.example").waitFor();
      await editor.getByRole("button", { name: "Remove server spool.lon01.example" }).click();
      assert.equal(await rows.count(), 2);
      assert.equal(await changes.isVisible(), false);
      await rows.first().getByRole("button").click();
      await changes.getByText("2 servers become 1").waitFor();
      const add = editor.getByRole("button", { name: "Add server" });
      for (let count = 1; count < 10; count += 1) await add.click();
      assert.equal(await rows.count(), 10);
      assert.equal(await add.isDisabled(), true);
      const ids = await editor.locator("tbody input").evaluateAll((all) => all.flatMap(({ id, name }) => [id, name]));
      assert.equal(new Set(ids).size, 80, "no two fields have the same name");
      await editor.getByLabel("Target, server 5").waitFor();
    });

    test("all rows can go, and one can come back", async () => {
      await open("/provision");
      const rows = page.locator("#server-rows tr");
      for (let left = await rows.count(); left > 0; left -= 1) await rows.first().getByRole("button").click();
      await page.getByRole("button", { name: "Add server" }).click();
      assert.equal(await rows.count(), 1);
      assert.equal(await rows.locator("input[name$='[port]']").inputValue(), "25");
    });

    test("a file fills the field it was chosen or dropped for", async () => {
      await open("/explain");
      await page.getByText("Paste a bounce, headers or a message").click();
      const drop = page.locator(".drop");
      await drop.locator("input").setInputFiles({ name: "a.eml", mimeType: "message/rfc822", buffer: Buffer.from("From: a@b.example\nTo: c@d.example\n") });
      await drop.getByText("a.eml, 2 lines").waitFor();
      assert.match(await page.locator("#paste-text").inputValue(), /^From: a@b\.example/);
      const transfer = await page.evaluateHandle(() => {
        const transfer = new DataTransfer();
        transfer.items.add(new File(["To: e@f.example\n".repeat(20_000)], "large.eml"));
        return transfer;
      });
      await drop.dispatchEvent("dragover", { dataTransfer: transfer });
      assert.match(await drop.getAttribute("class"), /over/);
      await drop.dispatchEvent("drop", { dataTransfer: transfer });
      await drop.getByText("large.eml, ").waitFor();
      assert.equal((await page.locator("#paste-text").inputValue()).length, 256 * 1024, "of a longer one the first part");
      assert.doesNotMatch(await drop.getAttribute("class"), /over/);
      page.assertClean();
    });
  });
}

after(closeBrowser);
