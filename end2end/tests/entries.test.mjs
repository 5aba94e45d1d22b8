// Lists beyond the usual call: files, undo, the account tier, what depends on sub-domains, first entries.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { checkAxe, checkWidth } from "../lib/axe.mjs";
import { closeBrowser, newPage } from "../lib/browser.mjs";
import { shot } from "../lib/shot.mjs";
import { startStack } from "../lib/stack.mjs";
import { addKey, signIn } from "./steps.mjs";

const NAME = "bikeshop-northgate.example";
const TO = `reception@${NAME}`;
after(closeBrowser);

for (const scripts of [true, false]) {
  describe(`entries, scripts ${scripts ? "on" : "off"}`, () => {
    let stack;
    let page;
    const look = async (name) => {
      await shot(page, `entries-${name}-${scripts ? "on" : "off"}`);
      await checkWidth(page, name);
      if (scripts) await checkAxe(page, name);
    };
    const add = async (text) => {
      await page.getByLabel("Addresses, domains or IP addresses").fill(text);
      await page.getByRole("button", { name: "Add", exact: true }).click();
    };
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

    test("an exported file is imported unedited", async () => {
      const items = Array.from({ length: 12 }, (_, n) => `sender${n}@parcels.example`);
      await stack.sandbox.setList("domain", NAME, "blocklist", [...items, "not *understood*"]);
      await page.goto(`${stack.url}/lists?for=${NAME}&tier=domain&list=blocklist`);
      await look("odd");
      const download = page.waitForEvent("download");
      await page.getByRole("link", { name: "Export CSV" }).click();
      const stream = await (await download).createReadStream();
      let csv = "";
      for await (const chunk of stream) csv += chunk;
      await stack.sandbox.setList("domain", NAME, "blocklist", []);
      await add(csv);
      await page.getByLabel("Type 13 to go on").fill("13");
      await page.getByRole("button", { name: "Add 13 entries" }).click();
      await page.getByRole("heading", { name: "Outcome" }).waitFor();
      await look("imported");
      // The stand-in refuses the odd one, as it would have been refused when it was added there.
      assert.deepEqual((await stack.sandbox.list("domain", NAME, "blocklist")).sort(), items.sort());
    });

    test("a removal is undone", async () => {
      await stack.sandbox.setList("user", TO, "blocklist", ["parcels.example"]);
      await page.goto(`${stack.url}/lists?for=${TO}&tier=user&list=blocklist`);
      await page.getByRole("button", { name: "Remove parcels.example from the user blocklist" }).click();
      await page.getByText("parcels.example is no longer on the blocklist of").waitFor();
      assert.deepEqual(await stack.sandbox.list("user", TO, "blocklist"), []);
      await page.locator("#note").getByRole("button", { name: "Undo" }).click();
      await page.getByText("parcels.example is back on the blocklist of").waitFor();
      assert.deepEqual(await stack.sandbox.list("user", TO, "blocklist"), ["parcels.example"]);
    });

    test("an account entry is removed after its reach was named", async () => {
      await stack.sandbox.setList("account", "demo-host", "blocklist", ["wide.example"]);
      await page.goto(`${stack.url}/lists`);
      await page.getByRole("button", { name: "Remove wide.example from the account blocklist" }).click();
      await page.getByText(/This reaches at least \d+ domains, and any added later/).waitFor();
      await look("account-removal");
      assert.deepEqual(await stack.sandbox.list("account", "demo-host", "blocklist"), ["wide.example"]);
      await page.getByRole("button", { name: "Remove 1 entry at the account tier" }).click();
      await page.getByText("wide.example is no longer on the blocklist of the account").waitFor();
      assert.deepEqual(await stack.sandbox.list("account", "demo-host", "blocklist"), []);
    });

    test("what depends on sub-domains is told both ways and can be switched", async () => {
      await stack.sandbox.setList("user", TO, "blocklist", ["parcelhub.example"]);
      await stack.sandbox.setList("domain", NAME, "safelist", ["a@news.parcelhub.example"]);
      await page.goto(`${stack.url}/lists?for=${TO}&q=parcelhub`);
      await page.getByText("If domain entries match sub-domains too:").first().waitFor();
      await look("both-ways");
      await page.goto(`${stack.url}/explain?from=a@news.parcelhub.example&to=${TO}`);
      await page.getByRole("heading", { name: "Allowed" }).waitFor();
      await page.getByText("It depends on sub-domains").waitFor();
      await page.getByLabel("Take domain entries to match sub-domains too").check();
      await page.getByRole("button", { name: "Check" }).click();
      await page.getByRole("heading", { name: "Blocked" }).waitFor();
      await look("sub-domains");
    });

    test("an address that differs with each mail is offered by its domain", async () => {
      await page.goto(`${stack.url}/explain?from=bounce%2B4f2a91cc.8812@mail.newsletter.example&to=${TO}`);
      await page.getByText("So the domain is offered first.").waitFor();
      await look("verp");
      await page.getByRole("button", { name: "Add mail.newsletter.example to the user safelist" }).click();
      await page.getByRole("heading", { name: "Allowed" }).waitFor();
      assert.ok((await stack.sandbox.list("user", TO, "safelist")).includes("mail.newsletter.example"));
    });

    test("what is not understood leaves it unsure", async () => {
      await stack.sandbox.setList("domain", NAME, "blocklist", ["*@pattern"]);
      await page.goto(`${stack.url}/explain?from=a@b.example&to=${TO}`);
      await page.getByRole("heading", { name: "Not sure" }).waitFor();
      await look("unsure");
    });

    test("first entries are warned of; a recipient over the limit is left unfiltered, and that is said", async () => {
      await stack.sandbox.protectedLimit("demo-host", 0);
      const address = `unfiltered@${NAME}`;
      await page.goto(`${stack.url}/recipients`);
      const form = page.locator("form[action='/do/recipients/create']");
      await form.getByLabel("Address", { exact: true }).fill(address);
      await form.getByLabel("First safelist entries").fill("gmail.com");
      await form.getByRole("button", { name: "Create recipient" }).click();
      await page.getByText("Anybody can have an address at this provider.").waitFor();
      await look("first-entries");
      await page.getByLabel("Create it with these entries all the same").check();
      await page.getByRole("button", { name: "Create recipient" }).click();
      await page.getByText(`${address} is created, and left unfiltered.`).waitFor();
      await look("unfiltered");
      assert.deepEqual(await stack.sandbox.list("user", address, "safelist"), ["gmail.com"]);
    });

    test("nothing was complained about", () => {
      page.assertClean();
      assert.ok(!stack.log().includes("sandbox-key-07"));
    });
  });
}
