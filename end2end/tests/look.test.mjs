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
  ["keys", "/keys"],
  ["provision", "/provision"],
  ["provision-many", "/provision/many"],
  ["subscriptions", "/subscriptions"],
  ["not-found", "/no/such/page"],
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
        await page.goto(`${stack.url}/sign-in`);
        await shot(page, `sign-in-${size}-${theme}`);
        await checkWidth(page, "sign-in");
        await checkAxe(page, "sign-in");
        await signIn(page, stack, "Tomasz");
        for (const [name, path] of PAGES) {
          await page.goto(`${stack.url}${path}`);
          await shot(page, `${name}-${size}-${theme}`);
          await checkWidth(page, name);
          await checkAxe(page, name);
        }
        await page.goto(`${stack.url}/domains/${NAME}`);
        await page.locator("#servers input[name$='[target]']").last().fill("not a host");
        await page.getByRole("button", { name: "Review and replace…" }).click();
        await page.locator("#servers .err").first().waitFor();
        await shot(page, `domain-error-${size}-${theme}`);
        await checkAxe(page, "domain with errors");
        await page.locator("#servers input[name$='[target]']").last().fill("spool.example");
        await page.getByRole("button", { name: "Review and replace…" }).click();
        await page.getByRole("heading", { name: /become/ }).waitFor();
        await shot(page, `servers-review-${size}-${theme}`);
        await checkWidth(page, "servers review");
        await checkAxe(page, "servers review");
        page.assertClean({ statuses: [404] });
        await page.context().close();
      });
    }
  }

  test("code and style of any page stay within 120 KB, the sign-in page has no WASM", async () => {
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
      bytes = wasm = 0;
      await page.goto(`${stack.url}${path}`, { waitUntil: "networkidle" });
      return { bytes, wasm };
    };
    assert.equal((await load("/sign-in")).wasm, 0);
    await signIn(page, stack, "Tomasz");
    for (const [name, path] of PAGES) {
      const cost = await load(path);
      assert.ok(cost.bytes > 0 && cost.bytes <= 120 * 1024, `${name}: ${cost.bytes} bytes`);
    }
    assert.equal((await load("/domains")).wasm, 1, "the measure sees WASM where there is some");
    await page.context().close();
  });
});
