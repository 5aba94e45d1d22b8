// A misjudged message is looked at, reported, and never kept.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { checkAxe, checkWidth } from "../lib/axe.mjs";
import { closeBrowser, newPage } from "../lib/browser.mjs";
import { shot } from "../lib/shot.mjs";
import { startStack } from "../lib/stack.mjs";
import { addKey, signIn } from "./steps.mjs";

const NAME = "bikeshop-northgate.example";
// As the stand-in saw it.
const SEEN = `From: news@chainset.example\r\nTo: reception@${NAME}\r\nSubject: Your order\r\n\r\nIt is on its way.\r\n`;
const file = (text) => ({ name: "message.eml", mimeType: "message/rfc822", buffer: Buffer.from(text) });
after(closeBrowser);

for (const scripts of [true, false]) {
  describe(`a misjudged message, scripts ${scripts ? "on" : "off"}`, () => {
    let stack;
    let page;
    const look = async (name) => {
      await shot(page, `report-${name}-${scripts ? "on" : "off"}`);
      await checkWidth(page, name);
      if (scripts) await checkAxe(page, name);
    };
    const choose = (text) => page.getByLabel("The original, as a file").setInputFiles(file(text));
    before(async () => {
      stack = await startStack({ domains: 100, env: { SLUICE_SYNC_SECONDS: "86400" } });
      page = await newPage({ size: scripts ? "desktop" : "phone", theme: scripts ? "light" : "dark", scripts });
      await signIn(page, stack, "Maya");
      await addKey(page, stack, "web07", "sandbox-key-07");
    });
    after(async () => {
      await page?.context().close();
      await stack?.stop();
    });

    test("it is looked at: text only", async () => {
      await page.goto(`${stack.url}/reports`);
      await choose(SEEN.replace("It is on its way.", "<img src=x onerror=alert(1)><b>bold</b>"));
      await page.getByRole("button", { name: "Look at it first" }).click();
      await page.getByRole("heading", { name: "What it is" }).waitFor();
      await page.getByText("<img src=x onerror=alert(1)><b>bold</b>").waitFor();
      assert.equal(await page.getByLabel("Recipient (RCPT TO)").inputValue(), `reception@${NAME}`);
      await look("look");
    });

    test("it is reported; the stopgap is one click away", async () => {
      await page.goto(`${stack.url}/reports`);
      await choose(SEEN);
      await page.getByLabel("Sender (MAIL FROM)").fill("news@chainset.example");
      await page.getByRole("button", { name: "Send report" }).click();
      await page.getByText("Reported. MailChannels learns from it.").waitFor();
      await look("reported");
      await page.getByRole("link", { name: "Choose the entry" }).click();
      await page.waitForURL(/\/explain\?from=news@chainset.example/);
    });

    test("a pasted one that the service never saw is refused with what to do", async () => {
      await page.goto(`${stack.url}/reports`);
      await page.getByLabel("Or pasted, with all its headers").fill(SEEN.replace("order", "order, changed"));
      await page.getByRole("button", { name: "Send report" }).click();
      await page.getByText("MailChannels does not know this message").waitFor();
      await look("unknown");
    });

    test("a refusal of the service says what to do, and keeps what was typed", async () => {
      for (const [code, said] of [[401, "was not for this customer"], [403, "it is locked to another key"]]) {
        await stack.sandbox.fault({ operation: "report", kind: { status: { code } }, count: 1 });
        await page.goto(`${stack.url}/reports`);
        await page.getByLabel("Or pasted, with all its headers").fill(SEEN);
        await page.getByLabel("Name given by the host (EHLO)").fill("typed.example");
        await page.getByRole("button", { name: "Send report" }).click();
        await page.getByText(said).waitFor();
        assert.equal(await page.getByLabel("Name given by the host (EHLO)").inputValue(), "typed.example");
        await look(`refused-${code}`);
      }
    });

    test("what is no message is refused beside its field", async () => {
      await page.goto(`${stack.url}/reports`);
      await page.getByLabel("Or pasted, with all its headers").fill("just words");
      await page.getByRole("button", { name: "Send report" }).click();
      await page.locator("#report-file-err").getByText("does not begin with header fields").waitFor();
      await look("wrong");
    });

    test("nothing was complained about", () => {
      page.assertClean({ statuses: [422, 502] });
      assert.ok(!stack.log().includes("Your order"), "nothing of the message is logged");
    });
  });
}
