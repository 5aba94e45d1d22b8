// Every page: axe, no sideways scroll, a screenshot; light and dark, 1280 and 360 wide. And what the browser has to load.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { checkAxe, checkWidth } from "../lib/axe.mjs";
import { closeBrowser, newPage } from "../lib/browser.mjs";
import { shot } from "../lib/shot.mjs";
import { startStack } from "../lib/stack.mjs";
import { addKey, signIn } from "./steps.mjs";

const NAME = "bikeshop-northgate.example";
const PAGES = [
  ["domains", "/domains"],
  ["domains-filtered", "/domains?q=shop&policy=block&sort=-servers"],
  ["domains-nothing", "/domains?q=zzzz"],
  ["domain", `/domains/${NAME}`],
  ["domain-idn", "/domains/xn--bcherwurm-q9a.example"],
  ["domain-alias", "/domains/northgatebikes.example"],
  ["domain-unreached", "/domains/nowhere.example"],
  ["deprovision", `/domains/${NAME}/deprovision`],
  ["explain", "/explain"],
  ["explain-blocked", "/explain?from=billing@parcelhub.example&ip=2001:db8:40::25&to=reception@bikeshop-northgate.example"],
  ["lists", "/lists"],
  ["lists-recipient", "/lists?for=reception@bikeshop-northgate.example"],
  ["recipients", "/recipients"],
  ["recipient", "/recipients/reception@bikeshop-northgate.example"],
  ["reports", "/reports"],
  ["domains-mx", "/domains?mx=elsewhere"],
  ["login-links", "/login-links"],
  ["keys", "/keys"],
  ["key-map", "/keys/map"],
  ["find", "/find?q=northgate"],
  ["find-places", "/find"],
  ["preferences", "/preferences"],
  ["provision", "/provision"],
  ["provision-many", "/bulk/provision"],
  ["bulk", "/bulk"],
  ["bulk-settings", "/bulk/settings"],
  ["bulk-entries", "/bulk/add-entries"],
  ["jobs", "/jobs"],
  ["subscriptions", "/subscriptions"],
  ["audit", "/audit"],
  ["sessions", "/sessions"],
  ["confirm", "/confirm?return=/keys"],
  ["not-found", "/no/such/page"],
];

/** What administrators see besides. */
const ADMIN_PAGES = [
  ["people", "/people"],
  ["backups", "/backups"],
  ["status", "/status"],
];

describe("every page", () => {
  let stack;
  before(async () => {
    stack = await startStack({ domains: 2000 });
    const page = await newPage({ size: "desktop", theme: "light", scripts: true });
    await signIn(page, stack, "Tomasz");
    for (const n of ["01", "07", "08"]) await addKey(page, stack, `web${n}`, `sandbox-key-${n}`);
    await page.context().close();
  });
  after(async () => {
    await stack?.stop();
    await closeBrowser();
  });

  for (const size of ["desktop", "phone"]) {
    for (const theme of ["light", "dark"]) {
      test(`${size}, ${theme}`, async () => {
        const page = await newPage({ size, theme, scripts: true });
        const look = async (name, at = page) => {
          await shot(at, `${name}-${size}-${theme}`);
          await checkWidth(at, name);
          await checkAxe(at, name);
        };
        await page.goto(`${stack.url}/sign-in`);
        await look("sign-in");
        await signIn(page, stack, "Tomasz");
        for (const [name, path] of PAGES) {
          await page.goto(`${stack.url}${path}`);
          await look(name);
        }
        const admin = await newPage({ size, theme, scripts: true });
        await signIn(admin, stack, "Ines");
        for (const [name, path] of ADMIN_PAGES) {
          await admin.goto(`${stack.url}${path}`);
          await look(name, admin);
        }
        admin.assertClean();
        await admin.context().close();
        await page.goto(`${stack.url}/domains/${NAME}`);
        await page.locator("#servers input[name$='[target]']").last().fill("not a host");
        await page.getByRole("button", { name: "Review and replace…" }).click();
        await page.locator("#servers .err").first().waitFor();
        await look("domain-error");
        await page.locator("#servers input[name$='[target]']").last().fill("spool.example");
        await page.getByRole("button", { name: "Review and replace…" }).click();
        await page.getByRole("heading", { name: /become/ }).waitFor();
        await look("servers-review");

        await page.goto(`${stack.url}/keys`);
        await page.getByRole("link", { name: "web07", exact: true }).click();
        await page.getByRole("button", { name: "Remove key" }).click();
        await page.locator("#remove .err").waitFor();
        await look("key");
        await page.getByRole("link", { name: "This key leaked…" }).click();
        await page.getByRole("heading", { name: "web07 leaked" }).waitFor();
        await look("key-leaked");
        const plan = async (rows) => {
          await page.goto(`${stack.url}/bulk/provision`);
          await page.locator("#bulk-text").fill(rows);
          await page.locator("#bulk-subscription").selectOption({ index: 1 });
          await page.getByRole("button", { name: "Make the plan" }).click();
          await page.getByRole("heading", { name: /^Plan: / }).waitFor();
        };
        await plan("space d.example\nfine.example,mx.example:99999\n");
        await look("plan-nothing");
        await plan(`new-${size}-${theme}.example,mx.web07.example,block\nowned-by-other.example\n`);
        await look("plan-provision");
        await page.getByRole("button", { name: "Provision 2 domains" }).click();
        await page.getByText("Ended", { exact: true }).waitFor();
        await look("provision-outcome");
        await page.goto(`${stack.url}/domains/${NAME}`);
        const [link] = await Promise.all([
          page.context().waitForEvent("page"),
          page.getByRole("button", { name: "Login link", exact: true }).click(),
        ]);
        await link.getByRole("link", { name: "Open Domain Console" }).waitFor();
        await look("login-link", link);
        await stack.sandbox.fault({ operation: "get-downstreams", kind: { status: { code: 500 } } });
        await page.goto(`${stack.url}/domains/${NAME}`);
        await page.getByText("Changes wait until MailChannels answers").waitFor();
        await look("domain-service-down");
        await stack.sandbox.clearFaults();
        page.assertClean({ statuses: [404, 502] });
        await page.context().close();
      });
    }
  }

  test("menus open without scripts, by keyboard, and the theme stays", async () => {
    const phone = await newPage({ size: "phone", theme: "light", scripts: true });
    await signIn(phone, stack, "Tomasz");
    await phone.getByRole("button", { name: "Open navigation" }).press("Enter");
    await phone.locator("#rail:popover-open").waitFor();
    await shot(phone, "menu-phone-light");
    await checkAxe(phone, "navigation");
    await phone.getByRole("link", { name: "API keys" }).click();
    await phone.getByRole("heading", { name: "API keys" }).waitFor();
    phone.assertClean();
    await phone.context().close();

    const page = await newPage({ size: "desktop", theme: "light", scripts: false });
    await signIn(page, stack, "Maya");
    const me = page.getByRole("button", { name: "Maya Okafor, agent" });
    await me.click();
    await shot(page, "menu-desktop-light");
    await page.getByRole("button", { name: "Dark theme" }).click();
    await page.locator("html[data-theme=dark]").waitFor();
    await page.goto(`${stack.url}/keys`);
    await page.locator("html[data-theme=dark]").waitFor();
    await page.getByRole("button", { name: "Maya Okafor, agent" }).click();
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByText("You are signed out.").waitFor();
    await page.goto(`${stack.url}/keys`);
    await page.waitForURL(/\/sign-in\?return=\/keys$/);
    page.assertClean();
    await page.context().close();
  });

  test("code and style of any page stay within 72 KB, the sign-in page has no WASM", async () => {
    const page = await newPage({ size: "desktop", theme: "light", scripts: true });
    const session = await page.context().newCDPSession(page);
    await session.send("Network.enable");
    await session.send("Network.setCacheDisabled", { cacheDisabled: true });
    const kinds = new Map();
    let bytes = 0;
    let wasm = 0;
    session.on("Network.responseReceived", ({ requestId, response }) => {
      if (!new URL(response.url).pathname.startsWith("/pkg/")) return;
      assert.equal(response.headers["content-encoding"], "br", response.url);
      kinds.set(requestId, response.url);
    });
    session.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => {
      if (!kinds.has(requestId)) return;
      bytes += encodedDataLength;
      if (kinds.get(requestId).endsWith(".wasm")) wasm += 1;
    });
    const load = async (path) => {
      // What an earlier page still loads is not this one's.
      await page.waitForLoadState("networkidle");
      kinds.clear();
      bytes = wasm = 0;
      await page.goto(`${stack.url}${path}`, { waitUntil: "networkidle" });
      return { bytes, wasm };
    };
    assert.equal((await load("/sign-in")).wasm, 0);
    await signIn(page, stack, "Tomasz");
    for (const [name, path] of PAGES) {
      const cost = await load(path);
      assert.ok(cost.bytes > 0 && cost.bytes <= 72 * 1024, `${name}: ${cost.bytes} bytes`);
    }
    assert.equal((await load("/domains")).wasm, 1, "the measure sees WASM where there is some");
    await page.context().close();
  });
});
