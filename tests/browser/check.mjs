// What is asked of every page the walk comes to.
import { AxeBuilder } from "@axe-core/playwright";
import { expect, test } from "@playwright/test";
import { address } from "./browser.mjs";

const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

/** Notes everything a page complains of or loads from elsewhere; `problems` must stay empty. */
export function watch(page) {
  const problems = [];
  page.on("console", (message) => {
    // The browser itself notes the status of a page that is meant not to exist.
    const expected = /the server responded with a status of 40[034]/.test(message.text());
    if (message.type() === "error" && !expected) problems.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => problems.push(`script: ${error.message}`));
  page.on("requestfailed", (request) => {
    const reason = request.failure()?.errorText ?? "";
    if (reason !== "net::ERR_ABORTED") problems.push(`request: ${request.url()} ${reason}`);
  });
  page.on("request", (request) => {
    if (!request.url().startsWith(`${address()}/`)) problems.push(`loads from elsewhere: ${request.url()}`);
  });
  page.on("response", (response) => {
    if (response.status() >= 500) problems.push(`status ${response.status()}: ${response.url()}`);
  });
  return problems;
}

/** Checks the page that is open: axe-core, no sideways scrolling, one heading that is in the title. */
export async function check(page, name) {
  const heading = page.getByRole("heading", { level: 1 });
  await expect(heading, `${name}: one h1`).toHaveCount(1);
  const words = (await heading.innerText()).trim();
  expect(await page.title(), `${name}: title`).toContain(`${words} – Mandate`);
  await expect(page.locator("html"), `${name}: lang`).toHaveAttribute("lang", "en-GB");
  await expectNoSidewaysScroll(page, name);

  const violations = test.info().project.use.javaScriptEnabled ? await axe(page) : await axeOnCopy(page);
  const found = violations.map(({ id, help, nodes }) => ({ id, help, where: nodes.map(({ target }) => target.join(" ")) }));
  expect(found, `${name}: axe-core`).toEqual([]);
}

async function axe(page) {
  return (await new AxeBuilder({ page }).withTags(TAGS).analyze()).violations;
}

/**
 * axe-core is itself a script. A page without JavaScript is therefore copied as it stands, details
 * open or shut, to a page at the same address where scripts may run but none of ours is loaded.
 */
async function axeOnCopy(page) {
  const body = await page.content();
  const context = await page.context().browser().newContext({
    javaScriptEnabled: true,
    viewport: page.viewportSize(),
  });
  try {
    const copy = await context.newPage();
    await copy.route("**/*.js", (route) => route.abort());
    await copy.route(page.url(), (route) => route.fulfill({ body, contentType: "text/html; charset=utf-8" }));
    await copy.goto(page.url());
    return await axe(copy);
  } finally {
    await context.close();
  }
}

export async function expectNoSidewaysScroll(page, name) {
  const { needed, given } = await page.evaluate(() => ({
    needed: document.documentElement.scrollWidth,
    given: document.documentElement.clientWidth,
  }));
  expect(needed, `${name}: scrolls sideways`).toBeLessThanOrEqual(given);
}
