// The call that comes in most: mail is missing. Pasted, explained, put right at the narrowest tier, taken back.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { checkAxe, checkWidth } from "../lib/axe.mjs";
import { closeBrowser, newPage } from "../lib/browser.mjs";
import { shot } from "../lib/shot.mjs";
import { startStack } from "../lib/stack.mjs";
import { addKey, signIn } from "./steps.mjs";

const NAME = "bikeshop-northgate.example";
const TO = `reception@${NAME}`;
const BOUNCE = `From: Mail Delivery Subsystem <mailer-daemon@mx.parcelhub.example>
To: billing@parcelhub.example
Subject: Undelivered mail

<${TO}>: host mx1.mailchannels.net said:
    550 5.7.1 Message rejected (in reply to end of DATA command)
`;
after(closeBrowser);

for (const scripts of [true, false]) {
  describe(`missing mail, scripts ${scripts ? "on" : "off"}`, () => {
    let stack;
    let page;
    const on = scripts ? "on" : "off";
    const look = async (name) => {
      await shot(page, `mail-${name}-${on}`);
      await checkWidth(page, name);
      if (scripts) await checkAxe(page, name);
    };
    before(async () => {
      stack = await startStack({ domains: 500, env: { SLUICE_SYNC_SECONDS: "86400" } });
      page = await newPage({ size: scripts ? "desktop" : "phone", theme: "light", scripts });
      await signIn(page, stack, "Maya");
      await addKey(page, stack, "web07", "sandbox-key-07");
    });
    after(async () => {
      await page?.context().close();
      await stack?.stop();
    });

    test("a bounce is pasted: recipient found, reason decoded", async () => {
      await page.goto(`${stack.url}/explain`);
      await page.getByText("Paste a bounce, headers or a message").click();
      await page.getByLabel("Bounce, headers or message").fill(BOUNCE);
      await page.getByRole("button", { name: "Find sender and recipient" }).click();
      await page.getByRole("heading", { name: "Found in what you pasted" }).waitFor();
      await page.getByText("550 5.7.1 Message rejected").waitFor();
      assert.equal(await page.getByLabel("Recipient", { exact: true }).inputValue(), TO);
      await look("found");
    });

    test("an entry decides; the narrowest change is one click, and undone by one", async () => {
      await stack.sandbox.setList("domain", NAME, "blocklist", ["parcelhub.example"]);
      await page.goto(`${stack.url}/explain`);
      await page.getByLabel("Sender", { exact: true }).fill("billing@parcelhub.example");
      await page.getByLabel("Recipient", { exact: true }).fill(TO);
      await page.getByRole("button", { name: "Check" }).click();
      await page.getByRole("heading", { name: "Blocked" }).waitFor();
      await look("blocked");
      await page.getByRole("button", { name: "Add billing@parcelhub.example to the user safelist" }).click();
      await page.getByText("billing@parcelhub.example is on the safelist of").waitFor();
      await page.getByRole("heading", { name: "Allowed" }).waitFor();
      await look("allowed");
      await page.locator("#note").getByRole("button", { name: "Undo" }).click();
      await page.getByRole("heading", { name: "Blocked" }).waitFor();
      assert.deepEqual(await stack.sandbox.list("domain", NAME, "blocklist"), ["parcelhub.example"]);
    });

    test("wrong input stays beside its field", async () => {
      await page.goto(`${stack.url}/explain?from=nobody&ip=1.2&to=${TO}`);
      await page.locator("#from-err").waitFor();
      await page.locator("#ip-err").waitFor();
      assert.equal(await page.getByLabel("Sender", { exact: true }).inputValue(), "nobody");
      await look("wrong");
    });

    test("the lists of a recipient: add, filter, export, remove", async () => {
      await page.goto(`${stack.url}/lists?for=${TO}`);
      await page.getByLabel("Addresses, domains or IP addresses").fill("good@friend.example\nnot a name");
      await page.getByRole("button", { name: "Add", exact: true }).click();
      await page.locator("#entries-text-err").waitFor();
      await look("lists-error");
      await page.getByLabel("Addresses, domains or IP addresses").fill("good@friend.example, friend.example");
      await page.getByRole("button", { name: "Add", exact: true }).click();
      await page.getByRole("heading", { name: "Outcome" }).waitFor();
      await look("outcome");
      await page.goto(`${stack.url}/lists?for=${TO}&tier=user&q=friend`);
      await page.getByText("Duplicate").waitFor();
      await look("lists");
      await page.getByRole("button", { name: "Remove good@friend.example from the user safelist" }).click();
      await page.getByText("good@friend.example is no longer on the safelist of").waitFor();
    });

    test("an account entry names its reach and asks", async () => {
      await page.goto(`${stack.url}/lists`);
      await page.getByLabel("Addresses, domains or IP addresses").fill("spam.example");
      await page.getByRole("radio", { name: /^Blocklist/ }).check();
      await page.getByRole("button", { name: "Add", exact: true }).click();
      await page.getByText("and any added later").first().waitFor();
      await look("account-review");
      await page.getByRole("button", { name: "Add 1 entry at the account tier" }).click();
      await page.getByText("spam.example is on the blocklist of the account").waitFor();
    });

    test("a safelist entry that is too wide is looked at first", async () => {
      await page.goto(`${stack.url}/lists?for=${NAME}`);
      await page.getByLabel("Addresses, domains or IP addresses").fill("gmail.com");
      await page.getByRole("button", { name: "Add", exact: true }).click();
      await page.getByText("Anybody can have an address at this provider.").waitFor();
      await look("careful");
      await page.getByRole("link", { name: "Back, send nothing" }).click();
      await page.waitForURL(/\/lists\?for=/);
    });

    test("a recipient is created; one that exists is left as it is", async () => {
      const create = async (address) => {
        await page.goto(`${stack.url}/recipients`);
        const form = page.locator("form[action='/do/recipients/create']");
        await form.getByLabel("Address", { exact: true }).fill(address);
        await form.getByLabel("First safelist entries").fill("vip@partner.example");
        await form.getByRole("button", { name: "Create recipient" }).click();
      };
      await create("nobody");
      await page.locator("#recipient-address-err").waitFor();
      await look("recipient-error");
      await create(`new.person@${NAME}`);
      await page.getByText("is created.").waitFor();
      await page.getByText("vip@partner.example").first().waitFor();
      await look("recipient");
      await create(TO);
      await page.getByText("exists; nothing was changed.").waitFor();
    });

    test("with the service down, nothing is claimed", async () => {
      await stack.sandbox.fault({ operation: "*", kind: { status: { code: 502 } } });
      await page.goto(`${stack.url}/explain?from=a@b.example&to=${TO}`);
      await page.getByRole("heading", { name: "Not sure" }).waitFor();
      await look("down");
      await stack.sandbox.clearFaults();
    });

    test("nothing was complained about", () => {
      page.assertClean();
      assert.ok(!stack.log().includes("sandbox-key-07"));
    });
  });
}
