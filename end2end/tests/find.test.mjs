// The palette and the keys: finding by keyboard only, focus, a new tab, help, keys switched off, a phone, no scripts.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { checkAxe, checkWidth } from "../lib/axe.mjs";
import { closeBrowser, newPage } from "../lib/browser.mjs";
import { shot } from "../lib/shot.mjs";
import { startStack } from "../lib/stack.mjs";
import { addKey, signIn } from "./steps.mjs";

const NAME = "bikeshop-northgate.example";

describe("finding", () => {
  let stack;
  before(async () => {
    stack = await startStack({ domains: 2000 });
    const page = await newPage({ size: "desktop", theme: "light", scripts: true });
    await signIn(page, stack, "Tomasz");
    await addKey(page, stack, "web07", "sandbox-key-07");
    await addKey(page, stack, "web08", "sandbox-key-08");
    await page.context().close();
  });
  after(async () => {
    await stack?.stop();
    await closeBrowser();
  });

  /** A page of the lead's, with its islands running. */
  async function open(path, { size = "desktop", theme = "light", scripts = true } = {}) {
    const page = await newPage({ size, theme, scripts });
    await signIn(page, stack, "Tomasz");
    await go(page, path, scripts);
    return page;
  }
  async function go(page, path, scripts = true) {
    await page.goto(`${stack.url}${path}`);
    if (scripts) await page.locator("html[data-ready]").waitFor();
  }
  const done = async (page, options) => {
    page.assertClean(options);
    await page.context().close();
  };
  const palette = (page) => page.locator("#palette[open]");
  const chosen = (page) => page.locator("#palette-list [aria-selected=true]");
  const focused = (page) => page.evaluate(() => document.activeElement.id || document.activeElement.textContent.trim());
  /** The option that assistive technology is told of is the one that is shown as chosen. */
  const isTold = async (page) => assert.equal(await page.locator("#palette-text").getAttribute("aria-activedescendant"), await chosen(page).getAttribute("id"));

  for (const theme of ["light", "dark"]) {
    test(`a domain is found and opened by keyboard only, ${theme}`, async () => {
      const page = await open("/keys", { theme });
      await page.keyboard.press("/");
      await palette(page).waitFor();
      assert.equal(await focused(page), "palette-text");
      await page.getByRole("option", { name: "Domains", exact: true }).waitFor();
      await page.keyboard.type("northg");
      await page.getByRole("option", { name: NAME, exact: true }).first().waitFor();
      await page.locator("#palette-said").getByText(/^\d+ found$/).waitFor();
      await isTold(page);
      await shot(page, `palette-desktop-${theme}`);
      await checkAxe(page, `palette ${theme}`);
      await page.keyboard.press("ArrowDown");
      const second = await chosen(page).textContent();
      await isTold(page);
      await page.keyboard.press("Home");
      await isTold(page);
      const first = await chosen(page).textContent();
      assert.notEqual(first, second);
      await page.keyboard.press("ArrowUp");
      const last = await chosen(page).textContent();
      await page.keyboard.press("Home");
      await page.keyboard.press("End");
      assert.equal(await chosen(page).textContent(), last, "before the first is the last");
      await page.locator("#palette-text").fill(NAME);
      await page.locator(`#palette-list[data-answers="${NAME}"]`).waitFor();
      assert.equal((await chosen(page).textContent()).trim(), NAME);
      await page.keyboard.press("Enter");
      await page.waitForURL(`${stack.url}/domains/${NAME}`);
      await done(page);
    });
  }

  test("Esc closes it and gives focus back; Ctrl-K opens it from a field and keeps the text", async () => {
    const page = await open("/provision");
    await page.locator("#one-domain").focus();
    await page.keyboard.press("/");
    assert.equal(await page.locator("#one-domain").inputValue(), "/", "typing stays typing");
    await page.keyboard.press("Control+k");
    await palette(page).waitFor();
    await page.keyboard.type("reports");
    await page.getByRole("option", { name: "Reports", exact: true }).waitFor();
    await page.keyboard.press("?");
    assert.equal(await page.locator("#help[open]").count(), 0, "no key acts over an open dialog");
    await page.keyboard.press("Backspace");
    await page.keyboard.press("Escape");
    await palette(page).waitFor({ state: "hidden" });
    assert.equal(await focused(page), "one-domain");
    await page.keyboard.press("Meta+k");
    await palette(page).waitFor();
    assert.equal(await page.locator("#palette-text").inputValue(), "reports");
    await page.mouse.click(5, 890);
    await palette(page).waitFor({ state: "hidden" });
    await done(page);
  });

  test("Ctrl-Enter opens a new tab, and the palette stays", async () => {
    const page = await open("/keys");
    await page.keyboard.press("Control+k");
    await page.keyboard.type(NAME);
    await page.locator(`#palette-list[data-answers="${NAME}"]`).waitFor();
    const [tab] = await Promise.all([page.context().waitForEvent("page"), page.keyboard.press("Control+Enter")]);
    await tab.waitForURL(`${stack.url}/domains/${NAME}`);
    assert.equal(page.url(), `${stack.url}/keys`);
    assert.ok(await palette(page).isVisible());
    assert.equal(await tab.evaluate(() => opener), null);
    await done(page);
  });

  test("Enter before the answer asks the server, and late answers are dropped", async () => {
    const page = await open("/keys");
    const held = [];
    await page.route("**/find.json?q=northgat", (route) => held.push(route));
    await page.keyboard.press("/");
    await page.keyboard.type("northgat");
    await page.waitForFunction(() => document.querySelector("#palette-text").value === "northgat");
    while (!held.length) await page.waitForTimeout(10);
    await page.locator("#palette-text").fill("reports");
    await page.locator('#palette-list[data-answers="reports"]').waitFor();
    await page.evaluate(() => {
      const list = document.querySelector("#palette-list");
      globalThis.shown = [];
      new MutationObserver(() => globalThis.shown.push(list.dataset.answers)).observe(list, { attributes: true });
    });
    const late = page.waitForResponse(/q=northgat$/);
    await held[0].continue();
    await (await late).finished();
    await page.locator("#palette-text").fill("lists");
    await page.locator('#palette-list[data-answers="lists"]').waitFor();
    const shown = await page.evaluate(() => globalThis.shown);
    assert.ok(shown.includes("lists") && !shown.includes("northgat"), `the late answer is dropped: ${shown}`);
    await page.unroute("**/find.json?q=northgat");
    await page.route("**/find.json?q=bakery", (route) => route.abort());
    await page.locator("#palette-text").fill("bakery");
    await page.getByText("the server did not answer").waitFor();
    await page.keyboard.press("Enter");
    await page.waitForURL(`${stack.url}/domains?q=bakery`);
    await page.context().close();
  });

  test("names are text, whatever is in them", async () => {
    const page = await open("/keys");
    const evil = "<img src=x onerror=alert(1)>";
    await addKey(page, stack, evil, "sandbox-key-09");
    await page.locator("html[data-ready]").waitFor();
    await page.locator("#search").fill("img src");
    await page.getByRole("button", { name: "/: find as you type" }).click();
    await page.getByRole("option", { name: evil, exact: true }).waitFor();
    assert.equal(await page.locator("#palette-text").inputValue(), "img src", "what stood in the search box comes along");
    assert.equal(await page.locator("#palette img").count(), 0);
    await done(page);
  });

  test("rows, pages and places by single keys", async () => {
    const page = await open("/domains");
    await page.keyboard.press("j");
    const first = await page.locator("main tbody tr").first().locator(".main a").textContent();
    const second = await page.locator("main tbody tr").nth(1).locator(".main a").textContent();
    assert.equal(await focused(page), first);
    await page.keyboard.press("j");
    assert.equal(await focused(page), second);
    await page.keyboard.press("k");
    assert.equal(await focused(page), first);
    await page.keyboard.press("Control+j");
    await page.keyboard.press("Shift+j");
    assert.equal(await focused(page), first, "with other keys held it is not ours");
    await page.keyboard.press("Escape");
    assert.equal(await page.evaluate(() => document.activeElement.tagName), "BODY");
    await page.keyboard.press("]");
    await page.waitForURL(/after=/);
    await page.locator("html[data-ready]").waitFor();
    await page.keyboard.press("[");
    await page.waitForURL(/before=/);
    await page.locator("html[data-ready]").waitFor();
    for (const [key, path] of [["k", "/keys"], ["l", "/lists"], ["e", "/explain"], ["r", "/recipients"], ["d", "/domains"]]) {
      await page.keyboard.press("g");
      await page.keyboard.press(key);
      await page.waitForURL(`${stack.url}${path}`);
      await page.locator("html[data-ready]").waitFor();
    }
    await go(page, `/domains/${NAME}`);
    await page.keyboard.press("e");
    await page.waitForURL(`${stack.url}/explain?at=${NAME}`);
    assert.equal(await page.getByLabel("Recipient", { exact: true }).inputValue(), `@${NAME}`);
    await go(page, `/domains/${NAME}`);
    await page.keyboard.press("a");
    await page.waitForURL(`${stack.url}/lists?for=${NAME}#add`);
    await page.locator("html[data-ready]").waitFor();
    await page.keyboard.press("a");
    assert.equal(await focused(page), "entries-text");
    await go(page, `/domains/${NAME}`);
    const [link] = await Promise.all([page.context().waitForEvent("page"), page.keyboard.press("l")]);
    await link.getByRole("link", { name: "Open Domain Console" }).waitFor();
    await done(page);
  });

  test("x selects a row, Shift-x a range, b goes to the bar: on any table with boxes", async () => {
    const page = await open("/domains");
    const ticked = () => page.locator("main input[name=pick]").evaluateAll((boxes) => boxes.slice(0, 5).map((box) => (box.checked ? 1 : 0)).join(""));
    await page.keyboard.press("x");
    assert.equal(await ticked(), "00000", "without a row nothing");
    await page.keyboard.press("j");
    await page.keyboard.press("j");
    await page.keyboard.press("x");
    assert.equal(await ticked(), "01000");
    await page.keyboard.press("j");
    await page.keyboard.press("j");
    await page.keyboard.press("Shift+X");
    assert.equal(await ticked(), "01110");
    await page.keyboard.press("x");
    await page.keyboard.press("k");
    await page.keyboard.press("Shift+X");
    assert.equal(await ticked(), "01000", "a range becomes what the row selected last is");
    await page.keyboard.press("b");
    assert.equal(await focused(page), "Spam handling…");
    await done(page);
  });

  test("keys of other layouts, and words being composed", async () => {
    const page = await open("/domains");
    const press = (init) => page.evaluate((init) => document.body.dispatchEvent(new KeyboardEvent("keydown", { bubbles: true, cancelable: true, ...init })), init);
    await press({ key: "/", isComposing: true });
    await press({ key: "Process", keyCode: 229 });
    await press({ key: "/", altKey: true });
    assert.equal(await palette(page).count(), 0);
    await press({ key: "о", code: "KeyJ" });
    assert.equal(await focused(page), await page.locator("main tbody tr .main a").first().textContent(), "a Cyrillic keyboard's j");
    await press({ key: "л", code: "KeyK", ctrlKey: true });
    await palette(page).waitFor();
    await done(page);
  });

  test("the help names every key, and is closed again", async () => {
    const page = await open("/domains");
    await page.keyboard.press("?");
    const help = page.getByRole("dialog", { name: "Keyboard shortcuts" });
    await help.getByText("Select all rows from the last one selected").waitFor();
    await shot(page, "help-desktop-light");
    await checkAxe(page, "help");
    await page.keyboard.press("j");
    await help.getByRole("button", { name: "Close" }).click();
    await help.waitFor({ state: "hidden" });
    await page.getByRole("button", { name: /Tomasz/ }).click();
    await page.getByRole("button", { name: "Keyboard shortcuts" }).click();
    await help.waitFor();
    await done(page);
  });

  test("single keys are switched off and on from the menu, Ctrl-K stays", async () => {
    const page = await open("/domains");
    await page.getByRole("button", { name: /Tomasz/ }).click();
    await page.getByRole("button", { name: "Switch single keys off" }).click();
    await page.locator("html[data-keys=off][data-ready]").waitFor();
    for (const key of ["/", "?", "j", "g", "k"]) await page.keyboard.press(key);
    assert.equal(await page.evaluate(() => document.activeElement.tagName), "BODY");
    assert.equal(await page.locator("dialog[open]").count(), 0);
    assert.equal(page.url(), `${stack.url}/domains`);
    await page.keyboard.press("Control+k");
    await palette(page).waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "Ctrl K: find as you type" }).click();
    await palette(page).waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: /Tomasz/ }).click();
    await page.getByRole("button", { name: "Switch single keys on" }).click();
    await page.locator("html[data-ready]:not([data-keys])").waitFor();
    await page.keyboard.press("/");
    await palette(page).waitFor();
    await done(page);
  });

  test("on a phone, by touch", async () => {
    const page = await open("/keys", { size: "phone", theme: "dark" });
    await page.getByRole("button", { name: "/: find as you type" }).tap();
    await palette(page).waitFor();
    await page.locator("#palette-text").fill("northgate");
    await page.getByRole("option", { name: NAME, exact: true }).first().waitFor();
    await checkWidth(page, "palette");
    await shot(page, "palette-phone-dark");
    await checkAxe(page, "palette on a phone");
    await page.getByRole("option", { name: NAME, exact: true }).first().tap();
    await page.waitForURL(`${stack.url}/domains/${NAME}`);
    await page.locator("html[data-ready]").waitFor();
    await page.getByRole("button", { name: "/: find as you type" }).tap();
    await palette(page).getByRole("button", { name: "Close" }).tap();
    await palette(page).waitFor({ state: "hidden" });
    await done(page);
  });

  for (const size of ["desktop", "phone"]) {
    test(`the page does it without scripts, ${size}`, async () => {
      const page = await open("/domains", { size, scripts: false });
      await page.getByRole("button", { name: /Tomasz/ }).click();
      await page.getByRole("link", { name: "Preferences" }).waitFor();
      for (const nothing of await page.locator(".js-only").all()) assert.equal(await nothing.isVisible(), false, "nothing to press that does nothing");
      await page.keyboard.press("Escape");
      await page.locator("#search").fill("provision");
      await page.locator("#search").press("Enter");
      await page.waitForURL(`${stack.url}/find?q=provision`);
      await shot(page, `find-places-${size}`);
      await page.getByRole("link", { name: "Provision many" }).waitFor();
      await page.getByLabel("A name, address, page or action").fill(`Reception <reception@${NAME}>`);
      await page.getByRole("button", { name: "Find", exact: true }).click();
      await page.getByRole("heading", { name: "Recipients" }).waitFor();
      await shot(page, `find-recipient-${size}`);
      await page.getByRole("link", { name: `Explain a mail to reception@${NAME}` }).click();
      await page.waitForURL(/\/explain\?from=&to=reception/);
      await go(page, "/find?q=northgate", false);
      await page.getByRole("link", { name: "All in the list of domains" }).click();
      await page.waitForURL(`${stack.url}/domains?q=northgate`);
      await go(page, "/find?q=zzzz", false);
      await page.getByText("Nothing is found").waitFor();
      await go(page, "/preferences", false);
      await page.locator("main").getByText("Select all rows from the last one selected").waitFor();
      await page.locator("main").getByRole("button", { name: "Switch single keys off" }).click();
      await page.getByText("Single-key shortcuts are off.").waitFor();
      await done(page);
    });
  }
});
