// One Chromium for a test file; each page has a context of its own and remembers every complaint.
import assert from "node:assert/strict";
import { chromium } from "playwright-core";

const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  // A container's /dev/shm is often too small for a picture of a whole page.
  "--disable-dev-shm-usage",
];
const SIZES = { desktop: { width: 1280, height: 900 }, phone: { width: 360, height: 740 } };

let running = null;

/** The browser, with a fresh profile. */
function browser() {
  running ??= chromium.launch({ executablePath: process.env.CHROMIUM, args: FLAGS });
  return running;
}

export async function closeBrowser() {
  await (await running)?.close();
  running = null;
}

/** A page of its own context. `page.assertClean()` fails on anything the browser complained about. */
export async function newPage({ size, theme, scripts }) {
  const context = await (await browser()).newContext({
    viewport: SIZES[size],
    colorScheme: theme,
    javaScriptEnabled: scripts,
    hasTouch: size === "phone",
    isMobile: size === "phone",
    serviceWorkers: "block",
  });
  context.setDefaultTimeout(15_000);
  const complaints = [];
  const watch = (page) => {
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) complaints.push({ text: message.text(), where: page.url() });
    });
    page.on("pageerror", (error) => complaints.push({ text: `page error: ${error}`, where: page.url() }));
    page.on("requestfailed", (request) => {
      const why = request.failure()?.errorText;
      // A navigation that overtakes another, or a page that closes, ends what was under way.
      if (why !== "net::ERR_ABORTED") complaints.push({ text: `failed: ${request.url()} ${why}`, where: page.url() });
    });
  };
  context.on("page", watch);
  const page = await context.newPage();
  if (scripts) {
    await context.addInitScript(() => {
      addEventListener("securitypolicyviolation", (event) => console.error(`CSP violation: ${event.violatedDirective} ${event.blockedURI}`));
    });
  }
  /** `statuses`: error statuses of pages that the test brought about itself; the browser logs each. */
  page.assertClean = ({ statuses = [] } = {}) => {
    const meant = (text) => statuses.some((status) => text.startsWith(`Failed to load resource: the server responded with a status of ${status} `));
    assert.deepEqual(complaints.filter(({ text }) => !meant(text)), []);
  };
  return page;
}
