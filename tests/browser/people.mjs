// Who one may be in the demonstration, and how pages are reached.
import { expect } from "@playwright/test";

export async function signInAs(page, role) {
  await page.goto("/sign-in");
  const people = page.getByTestId("people").getByRole("listitem");
  await expect(people).toHaveCount(8);
  await people.filter({ hasText: role }).first().getByRole("button", { name: /^Sign in as / }).click();
  await expect(page.getByText(/^Signed in as /)).toBeVisible();
}

/** Opens an entry of the navigation, which hides behind a button on a narrow screen with JavaScript. */
export async function open(page, entry) {
  const menu = page.getByRole("button", { name: "Menu" });
  if (await menu.isVisible()) await menu.click();
  await page.getByRole("navigation", { name: "Menu" }).getByRole("link", { name: entry }).click();
  await expect(page.getByRole("heading", { level: 1, name: entry })).toBeVisible();
}
