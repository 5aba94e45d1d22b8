// The audit log in the browser: a reason typed with a change is found again by filters, and the page holds at every size.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { checkAxe, checkWidth } from "../lib/axe.mjs";
import { closeBrowser, newPage } from "../lib/browser.mjs";
import { shot } from "../lib/shot.mjs";
import { startStack } from "../lib/stack.mjs";
import { addKey, signIn } from "./steps.mjs";

const NAME = "bikeshop-northgate.example";

describe("the audit log", () => {
  let stack;
  before(async () => {
    stack = await startStack({ domains: 300, env: { SLUICE_SYNC_SECONDS: "86400" } });
  });
  after(async () => {
    await stack?.stop();
    await closeBrowser();
  });

  for (const scripts of [false, true]) {
    test(`a reason goes in with the change and comes out by a filter, scripts ${scripts ? "on" : "off"}`, async () => {
      const page = await newPage({ size: "desktop", theme: "light", scripts });
      await signIn(page, stack, "Tomasz");
      if (!scripts) await addKey(page, stack, "web07", "sandbox-key-07");
      const alias = `with-${scripts ? "scripts" : "none"}.example`;
      await page.goto(`${stack.url}/domains/${NAME}`);
      await page.getByLabel("Add an alias").fill(alias);
      const form = page.locator("#aliases form", { has: page.getByRole("button", { name: "Add alias" }) });
      await form.getByText("Ticket or reason").first().click();
      await form.getByLabel("Ticket or reason").fill(`#47${scripts ? 1 : 0} by phone`);
      await page.getByRole("button", { name: "Add alias" }).click();
      await page.locator("#note").getByText("is an alias now").waitFor();

      await page.locator("#history").getByRole("link", { name: "In the audit log" }).click();
      await page.getByRole("heading", { name: "Audit log" }).waitFor();
      const row = page.getByRole("row").filter({ hasText: alias });
      await row.getByText(`“#47${scripts ? 1 : 0} by phone”`).waitFor();
      assert.equal(await row.locator("ins").textContent(), alias);
      await page.getByLabel("Action", { exact: true }).selectOption("key.add");
      await page.getByRole("button", { name: "Filter" }).click();
      await page.getByText("No row has all of these").waitFor();
      await page.getByRole("link", { name: "Clear filters" }).click();
      await page.getByRole("row").filter({ hasText: "key.add" }).first().waitFor();
      page.assertClean();
      await page.context().close();
    });
  }

  test("looks right, and a refusal is in it", async () => {
    const viewer = await newPage({ size: "desktop", theme: "light", scripts: true });
    await signIn(viewer, stack, "Vera");
    assert.equal(await viewer.getByRole("link", { name: "Audit log" }).count(), 0);
    await viewer.goto(`${stack.url}/audit`);
    await viewer.getByText("Your role does not allow this").waitFor();
    await viewer.context().close();
    for (const size of ["desktop", "phone"]) {
      for (const theme of ["light", "dark"]) {
        const page = await newPage({ size, theme, scripts: true });
        await signIn(page, stack, "Ines");
        await page.goto(`${stack.url}/audit`);
        await page.getByText("it needs lead, not viewer").first().waitFor();
        await shot(page, `audit-${size}-${theme}`);
        await checkWidth(page, "audit");
        await checkAxe(page, "audit");
        page.assertClean();
        await page.context().close();
      }
    }
  });
});
