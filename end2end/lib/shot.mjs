// Pictures, for eyes.
import { mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";

const folder = fileURLToPath(new URL("../artifacts", import.meta.url));

export async function shot(page, name) {
  await mkdir(folder, { recursive: true });
  const options = { path: `${folder}/${name}.png`, fullPage: true, animations: "disabled" };
  // Chromium now and then can't capture on a busy machine; the picture is for eyes and proves nothing by itself.
  for (let tries = 3; ; tries -= 1) {
    try {
      return await page.screenshot(options);
    } catch (error) {
      if (!/captureScreenshot/.test(error.message)) throw error;
      if (tries > 1) continue;
      console.warn(`no picture of ${name}: ${error.message.split("\n")[0]}`);
      return null;
    }
  }
}
