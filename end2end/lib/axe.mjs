// axe on a page, and whether it scrolls sideways.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";

const source = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];

/** No violation of WCAG 2.2 AA. The code goes in by the debugger, which the page's policy doesn't bind. */
export async function checkAxe(page, name) {
  // A sticky bar over a control is not a small control.
  await page.evaluate(() => scrollTo(0, 0));
  await page.evaluate(source);
  const { violations } = await page.evaluate((tags) => globalThis.axe.run(document, { runOnly: tags }), TAGS);
  const found = violations.map((violation) => ({
    rule: violation.id,
    help: violation.help,
    nodes: violation.nodes.slice(0, 5).map((node) => `${node.html.slice(0, 160)} — ${node.failureSummary?.split("\n").slice(1).join(" ")}`),
  }));
  assert.deepEqual(found, [], name);
}

/** The page is no wider than the screen. On a phone `innerWidth` would grow with the page. */
export async function checkWidth(page, name) {
  const wide = await page.evaluate(() => document.documentElement.scrollWidth);
  const window = page.viewportSize().width;
  assert.ok(wide <= window, `${name}: ${wide} px wide in a window of ${window}`);
}
