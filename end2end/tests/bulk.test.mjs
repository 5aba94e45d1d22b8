// Hundreds at a time: ticked, planned, confirmed, watched, taken back; and the same without scripts, by file.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { checkAxe, checkWidth } from "../lib/axe.mjs";
import { closeBrowser, newPage } from "../lib/browser.mjs";
import { shot } from "../lib/shot.mjs";
import { startStack } from "../lib/stack.mjs";
import { addKey, signIn } from "./steps.mjs";

after(closeBrowser);

for (const scripts of [true, false]) {
  describe(`bulk, scripts ${scripts ? "on" : "off"}`, () => {
    let stack;
    let page;
    const on = scripts ? "on" : "off";
    const look = async (name) => {
      await shot(page, `bulk-${name}-${on}`);
      await checkWidth(page, name);
      if (scripts) await checkAxe(page, name);
    };
    const ready = () => scripts && page.waitForFunction(() => "ready" in document.documentElement.dataset);
    const server = async (name) => (await stack.sandbox.domain(name)).downstreamAddresses.map(({ target }) => target);
    before(async () => {
      stack = await startStack({ domains: 600, env: { SLUICE_SYNC_SECONDS: "86400" } });
      page = await newPage({ size: scripts ? "desktop" : "phone", theme: scripts ? "light" : "dark", scripts });
      await signIn(page, stack, "Tomasz");
      for (const n of ["07", "08"]) await addKey(page, stack, `web${n}`, `sandbox-key-${n}`);
    });
    after(async () => {
      await page?.context().close();
      await stack?.stop();
    });

    let names;
    let old;
    test("ticked rows become a plan that shows before and after", async () => {
      await page.goto(`${stack.url}/domains?q=shop`);
      await ready();
      const boxes = page.locator("input[name=pick]");
      names = await boxes.evaluateAll((all) => all.slice(0, 2).map((box) => box.value));
      old = await server(names[0]);
      if (scripts) {
        await page.locator("#pick-page").check();
        const count = await boxes.count();
        assert.equal(await page.locator("#picked").innerText(), String(count));
        await page.locator("#pick-page").uncheck();
        assert.equal(await page.locator("#bulk").isVisible(), false);
      }
      for (const name of names) await page.locator(`input[name=pick][value="${name}"]`).check();
      await page.locator("#bulk").waitFor({ state: "visible" });
      await look("ticked");
      await page.getByRole("button", { name: "Servers…" }).click();
      await page.getByRole("heading", { name: "2 domains selected" }).waitFor();
      await page.getByLabel("Servers, one a line").fill("not a server at all");
      await page.getByLabel("Ticket or reason").fill("HB-48213");
      await page.getByRole("button", { name: "Make the plan" }).click();
      await page.locator("#bulk-servers-err").waitFor();
      assert.equal(await page.getByLabel("Servers, one a line").inputValue(), "not a server at all");
      await look("error");
      await page.getByLabel("Servers, one a line").fill("new.web09.example");
      await page.getByLabel("Ticket or reason").fill("HB-48213");
      await page.getByRole("button", { name: "Make the plan" }).click();
      await page.getByRole("heading", { name: "Plan: Replace the servers of 2 domains" }).waitFor();
      assert.equal(await page.locator("ins").first().innerText(), "10 100 25 new.web09.example");
      assert.deepEqual(await server(names[0]), old, "nothing is sent before it is confirmed");
      await look("plan");
    });

    test("a small plan ends while one waits, and its undo brings everything back", async () => {
      await page.getByRole("button", { name: "Replace the servers of 2 domains" }).click();
      await page.waitForURL(/\/jobs\/\d+$/);
      await page.getByText("Ended", { exact: true }).waitFor();
      assert.deepEqual(await server(names[0]), ["new.web09.example"]);
      await look("job");
      await page.getByRole("button", { name: "Undo 2…" }).click();
      await page.getByRole("heading", { name: "Plan: Undo 2 changes" }).waitFor();
      await page.getByRole("button", { name: "Undo 2 changes" }).click();
      await page.waitForURL(/\/jobs\/\d+$/);
      await page.getByText("Ended", { exact: true }).waitFor();
      assert.deepEqual(await server(names[0]), old);
    });

    test("a file of many is typed, runs in the background and shows its failures by reason", async () => {
      await page.goto(`${stack.url}/domains`);
      await page.getByRole("button", { name: /^Select all/ }).click();
      await page.getByRole("heading", { name: /domains selected$/ }).waitFor();
      await look("selected");
      await page.goto(`${stack.url}/bulk/deprovision`);
      await page.goto(`${stack.url}/domains`);
      const some = await page.locator("input[name=pick]").evaluateAll((all) => all.map((box) => box.value));
      await stack.sandbox.fault({ operation: "deprovision", kind: { status: { code: 418 } }, count: 3 });
      await page.goto(`${stack.url}/bulk/deprovision`);
      const rows = [...some.slice(0, 40), "no such domain", "nowhere.example"].join("\r\n");
      await page.getByLabel("Or a file").setInputFiles({ name: "leavers.csv", mimeType: "text/csv", buffer: Buffer.from(`\ufeffdomain\r\n${rows}\r\n`) });
      await page.getByRole("button", { name: "Make the plan" }).click();
      await page.getByRole("heading", { name: "Plan: Deprovision 40 domains" }).waitFor();
      await page.getByText("leavers.csv, 42 rows").waitFor();
      await look("plan-file");
      await page.getByLabel("Type 40 to confirm").fill("4");
      await page.getByRole("button", { name: "Deprovision 40 domains" }).click();
      await page.locator("#confirm-typed-err").waitFor();
      assert.notEqual(await stack.sandbox.domain(some[0]), null);
      await page.getByLabel("Type 40 to confirm").fill("40");
      await page.getByRole("button", { name: "Deprovision 40 domains" }).click();
      await page.waitForURL(/\/jobs\/\d+$/);
      const address = page.url();
      // With scripts the page follows by itself; without them it is loaded again.
      for (let tries = 0; !scripts && tries < 200 && !(await page.getByText("Ended", { exact: true }).isVisible()); tries += 1) {
        await page.goto(address);
      }
      await page.getByText("Ended", { exact: true }).waitFor({ timeout: 60_000 });
      await page.getByRole("heading", { name: "Failed, by reason" }).waitFor();
      await ready();
      await look("job-failed");
      const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "Failed rows as CSV" }).click()]);
      const chunks = [];
      for await (const chunk of await download.createReadStream()) chunks.push(chunk);
      const csv = Buffer.concat(chunks).toString();
      assert.equal(csv.trim().split("\r\n").length, 4, csv);
      await page.getByRole("link", { name: "Show" }).click();
      assert.equal(await page.locator("#rows tbody tr").count(), 3);
      await page.getByRole("button", { name: /^Retry 3 failed/ }).click();
      await page.getByLabel("Type 3 to confirm").fill("3");
      await page.getByRole("button", { name: "Deprovision 3 domains" }).click();
      await page.waitForURL(/\/jobs\/\d+$/);
      await page.getByText("Ended", { exact: true }).waitFor();
      assert.equal(await stack.sandbox.domain(some[0]), null);
      await page.goto(`${stack.url}/jobs`);
      await look("jobs");
      await page.goto(`${stack.url}/bulk`);
      await look("choice");
      page.assertClean();
    });
  });
}
