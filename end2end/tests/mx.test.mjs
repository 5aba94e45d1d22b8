// Where a domain's mail goes by DNS: in the list, on its page, muted, and before it is deprovisioned. And login links for several.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { checkAxe, checkWidth } from "../lib/axe.mjs";
import { closeBrowser, newPage } from "../lib/browser.mjs";
import { shot } from "../lib/shot.mjs";
import { startStack } from "../lib/stack.mjs";
import { addKey, signIn } from "./steps.mjs";

const NAME = "bikeshop-northgate.example";
const OTHER = [[10, "mx.harbourline.example"]];
after(closeBrowser);

for (const scripts of [true, false]) {
  describe(`MX records, scripts ${scripts ? "on" : "off"}`, () => {
    let stack;
    let page;
    const look = async (name) => {
      await shot(page, `mx-${name}-${scripts ? "on" : "off"}`);
      await checkWidth(page, name);
      if (scripts) await checkAxe(page, name);
    };
    const check = async () => {
      await page.goto(`${stack.url}/domains/${NAME}`);
      await page.getByRole("button", { name: "Check now" }).click();
      await page.locator("#note").waitFor();
    };
    before(async () => {
      stack = await startStack({ domains: 100, env: { SLUICE_SYNC_SECONDS: "86400", SLUICE_MX_SECONDS: "86400" } });
      page = await newPage({ size: scripts ? "desktop" : "phone", theme: scripts ? "dark" : "light", scripts });
      await signIn(page, stack, "Tomasz");
      await addKey(page, stack, "web07", "sandbox-key-07");
    });
    after(async () => {
      await page?.context().close();
      await stack?.stop();
    });

    test("its page shows the records found, and the list filters by the verdict", async () => {
      await stack.sandbox.mx(NAME, OTHER);
      await check();
      await page.locator("#mx").getByText("mx.harbourline.example").waitFor();
      await look("elsewhere");
      await page.goto(`${stack.url}/domains`);
      await page.getByLabel("MX records").selectOption("elsewhere");
      await page.getByRole("button", { name: "Filter" }).click();
      await page.getByRole("link", { name: NAME }).waitFor();
      await look("list");
    });

    test("it is muted, and so no exception", async () => {
      await page.goto(`${stack.url}/domains/${NAME}`);
      await page.locator("#mx").getByRole("button", { name: "Mute", exact: true }).click();
      await page.locator("#mx").getByText("Tomasz").waitFor();
      await page.goto(`${stack.url}/domains?mx=muted`);
      await page.getByRole("link", { name: NAME }).waitFor();
      assert.equal(await page.locator("td[data-l=MX] .state[data-tone]").count(), 0);
    });

    test("a resolver that fails leaves what was known", async () => {
      await stack.sandbox.dns("serv_fail");
      await check();
      await page.locator("#mx").getByText("Unknown").waitFor();
      await page.locator("#mx").getByText("mx.harbourline.example").waitFor();
      await look("unknown");
      await stack.sandbox.dns(null);
    });

    test("before deprovisioning it is looked up once more", async () => {
      await stack.sandbox.mx(NAME, null);
      await page.goto(`${stack.url}/domains/${NAME}/deprovision`);
      await page.getByText(`Mail to ${NAME} will bounce`).waitFor();
      await page.getByText("554 5.7.1 Relay access denied").first().waitFor();
      await look("deprovision");
      await page.getByRole("button", { name: "Deprovision 1 domain" }).click();
      await page.locator("#deprovision-typed-err").waitFor();
      assert.ok(await stack.sandbox.domain(NAME), "still there");
    });

    test("login links for several domains, each with an outcome", async () => {
      await page.goto(`${stack.url}/login-links`);
      await page.getByLabel(/^Domains, one a line/).fill(`${NAME}\nnot a domain!`);
      await page.getByRole("button", { name: "Create login links" }).click();
      await page.locator("#domains-err").waitFor();
      await page.getByLabel(/^Domains, one a line/).fill(`${NAME}\nnowhere.example`);
      await page.getByRole("button", { name: "Create login links" }).click();
      await page.getByRole("heading", { name: "1 of 2 links" }).waitFor();
      await look("links");
    });

    test("nothing was complained about", () => {
      page.assertClean({ statuses: [422] });
    });
  });
}
