// Wrong input and a failing service: what is said, what is kept, what is not sent.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { closeBrowser, newPage } from "../lib/browser.mjs";
import { startStack } from "../lib/stack.mjs";
import { addKey, signIn } from "./steps.mjs";

const NAME = "bikeshop-northgate.example";

describe("trouble", () => {
  let stack;
  let page;
  before(async () => {
    stack = await startStack({ domains: 300, env: { SLUICE_SYNC_SECONDS: "86400" } });
    page = await newPage({ size: "desktop", theme: "light", scripts: true });
    await signIn(page, stack, "Tomasz");
  });
  after(async () => {
    await page?.context().close();
    await stack?.stop();
    await closeBrowser();
  });

  test("no key, then a wrong key", async () => {
    await page.goto(`${stack.url}/domains`);
    await page.getByText("Add your first API key").waitFor();
    await addKey(page, stack, "web07", "not-a-key");
    await page.locator("#add-secret-err").getByText("MailChannels rejected this key").waitFor();
    assert.equal(await page.getByLabel("Label", { exact: true }).inputValue(), "web07");
    assert.equal(await page.getByLabel("API key", { exact: true }).inputValue(), "");
    assert.equal(await page.evaluate(() => document.activeElement.id), "add-secret", "focus is on the field in question");
  });

  test("a service that is down while a key is added", async () => {
    await stack.sandbox.fault({ operation: "*", kind: { status: { code: 502 } } });
    await addKey(page, stack, "web07", "sandbox-key-07");
    await page.getByText("MailChannels did not answer properly").waitFor();
    await stack.sandbox.clearFaults();
    await addKey(page, stack, "web07", "sandbox-key-07");
    await page.getByText("web07 is stored").waitFor();
  });

  test("a service that goes down under a domain's page", async () => {
    await page.goto(`${stack.url}/domains/${NAME}`);
    await stack.sandbox.fault({ operation: "*", kind: { status: { code: 502 } } });
    await page.getByLabel("Add an alias").fill("new.example");
    await page.getByRole("button", { name: "Add alias" }).click();
    await page.locator("#note").getByText("MailChannels did not answer properly").waitFor();
    await page.getByText("Changes wait until MailChannels answers").waitFor();
    await page.goto(`${stack.url}/domains`);
    await page.getByRole("heading", { name: "Domains" }).waitFor();
    await stack.sandbox.clearFaults();
  });

  test("a key that lost its right to a domain", async () => {
    await stack.sandbox.fault({ operation: "put-settings", kind: { status: { code: 403 } } });
    await page.goto(`${stack.url}/domains/${NAME}`);
    await page.getByRole("radio", { name: /^Flag/ }).check();
    await page.getByRole("button", { name: "Save spam handling" }).click();
    await page.locator("#note").getByText("locked to another key").waitFor();
    await stack.sandbox.clearFaults();
  });

  test("filters that leave nothing say so and lead back", async () => {
    await page.goto(`${stack.url}/domains?q=zzzz-nothing`);
    await page.getByText("Nothing matches").waitFor();
    await page.getByRole("link", { name: "Clear filters" }).last().click();
    await page.waitForURL(`${stack.url}/domains`);
  });

  test("100,001 rows are refused and said, and nothing is sent", async () => {
    const before = (await stack.sandbox.ledger()).length;
    const lines = Array.from({ length: 100_001 }, (_, n) => `row${n}.example`).join("\n");
    await page.goto(`${stack.url}/bulk/provision`);
    await page.getByLabel("Or a file").setInputFiles({ name: "autumn.csv", mimeType: "text/csv", buffer: Buffer.from(lines) });
    await page.locator("#bulk-subscription").selectOption({ index: 1 });
    await page.getByLabel("Ticket or reason").fill("HB-1");
    // An unoptimised build takes its time over so many lines.
    await page.getByRole("button", { name: "Make the plan" }).click({ timeout: 90_000 });
    await page.locator("#bulk-text-err").getByText(/100,001 rows/).waitFor({ timeout: 90_000 });
    assert.equal(await page.getByLabel("Ticket or reason").inputValue(), "HB-1");
    const sent = (await stack.sandbox.ledger()).filter((entry) => entry.method !== "GET").length;
    assert.equal(sent, (await stack.sandbox.ledger()).slice(0, before).filter((entry) => entry.method !== "GET").length);
  });

  test("a domain nobody reaches offers to provision it", async () => {
    await page.goto(`${stack.url}/domains/nowhere.example`);
    await page.getByText("Not within reach of your keys").waitFor();
    await page.getByRole("link", { name: "Provision it" }).click();
    assert.equal(await page.locator("#one-domain").inputValue(), "nowhere.example");
  });

  test("an alias leads to its domain", async () => {
    await page.goto(`${stack.url}/domains/northgatebikes.example`);
    await page.getByRole("link", { name: `Open ${NAME}` }).click();
    await page.waitForURL(`${stack.url}/domains/${NAME}`);
  });

  test("nothing else was complained about, and no key was logged", () => {
    page.assertClean({ statuses: [404, 502] });
    assert.ok(!stack.log().includes("sandbox-key-"), "a key in the log");
  });
});
