// Steps that several tests share.

/** Signs in as one of the demo people, by first name. */
export async function signIn(page, stack, name) {
  await page.goto(`${stack.url}/sign-in`);
  await page.getByRole("button", { name: new RegExp(`^${name}`) }).click();
  await page.waitForURL(/\/domains/);
}

/** Stores a key through the form. */
export async function addKey(page, stack, label, secret) {
  await page.goto(`${stack.url}/keys`);
  await page.getByLabel("Label", { exact: true }).fill(label);
  await page.getByLabel("API key", { exact: true }).fill(secret);
  await page.getByRole("button", { name: "Check and store key" }).click();
  await page.locator("#note").waitFor();
}
