// The walk a CPC takes: from the mail about a breach to the reason for its date and the history of
// the nominal. Run against `mandate demo`; once with JavaScript and once without, wide and narrow.
import { expect, test } from "@playwright/test";
import { check, expectNoSidewaysScroll, watch } from "./check.mjs";
import { open, signInAs } from "./people.mjs";

let problems;

test.beforeEach(async ({ page }) => {
  problems = watch(page);
  await signInAsCpc(page);
});

test.afterEach(() => expect(problems).toEqual([]));

async function signInAsCpc(page) {
  await signInAs(page, "CPC");
}

/**
 * The first mail about one breach of a nominal; those about users may fill the first pages. The inbox shows everybody's
 * mails, and an auditor may see whatever they are about.
 */
async function findBreachMail(page) {
  await signInAs(page, "Auditor");
  const breach = page.getByTestId("mails").getByRole("link", { name: /^Breach: N-/ }).first();
  for (let number = 1; number <= 20; number += 1) {
    await page.goto(`/inbox?kind=breach&page=${number}`);
    if (await breach.count()) break;
  }
  return breach;
}

async function openBreachMail(page) {
  await (await findBreachMail(page)).click();
  await expect(page.getByRole("heading", { level: 1, name: /^Breach: N-/ })).toBeVisible();
}

async function openDutyOfBreachMail(page) {
  await openBreachMail(page);
  await page.getByTestId("mail-duties").getByRole("link", { name: /^D-/ }).first().click();
  await expect(page.getByRole("heading", { level: 1, name: /^Duty D-/ })).toBeVisible();
}

async function openNominalOfBreachMail(page) {
  await openDutyOfBreachMail(page);
  await page.getByTestId("duty-fields").getByRole("link", { name: /^N-/ }).click();
  await expect(page.getByRole("heading", { level: 1, name: /^Nominal N-/ })).toBeVisible();
}

test("sign-in, my work, duties, help and errors are accessible", async ({ page }) => {
  await page.goto("/sign-in");
  await check(page, "sign-in");
  await page.goto("/work");
  await open(page, "My work");
  await check(page, "my work");
  await expect(page.getByText(/^Checked /).first()).toBeVisible();
  await open(page, "Duties");
  await page.locator("summary", { hasText: "Filter the list" }).click();
  await check(page, "duties with the filter open");
  for (const path of ["/help", "/accessibility", "/no-such-page"]) {
    await page.goto(path);
    await check(page, path);
  }
});

test("from the breach mail to why this date and the history of the nominal", async ({ page }) => {
  await open(page, "Inbox");
  await check(page, "inbox");

  await openBreachMail(page);
  await expect(page.getByTestId("mail-text")).toContainText("/duties/D-");
  await page.locator("summary", { hasText: "Headers of this mail" }).click();
  await expect(page.getByTestId("mail-headers").getByRole("row", { name: /^Message-ID/ })).toBeVisible();
  await check(page, "breach mail");

  await openDutyOfBreachMail(page);
  const paragraph = await page.getByTestId("answer").getByText(/^Breach of paragraph /).innerText();
  expect(paragraph).toMatch(/paragraph [456]\.\d+/);
  await page.getByRole("link", { name: "Why this date" }).click();
  const why = page.getByTestId("why");
  await expect(why.getByRole("heading", { name: "Why this date" })).toBeInViewport();
  expect(await why.getByRole("listitem").count()).toBeGreaterThan(1);
  await expect(page.getByRole("blockquote").first()).not.toBeEmpty();
  const days = why.locator("summary", { hasText: "Each day counted or skipped" });
  if (await days.count()) {
    await days.click();
    await expect(page.getByTestId("days").getByRole("columnheader", { name: "Counted" })).toHaveCount(1);
  }
  await expect(page.getByTestId("duty-history").getByText("Breach raised").first()).toBeVisible();
  await check(page, "duty");

  await openNominalOfBreachMail(page);
  const timeline = page.getByTestId("timeline");
  await expect(timeline.getByText("Occurred", { exact: true }).first()).toBeVisible();
  await expect(timeline.getByText("Recorded", { exact: true }).first()).toBeVisible();
  await check(page, "nominal");
});

test("a breach is explained from its page; what is wrong is told beside the field", async ({ page }) => {
  await page.goto("/duties?outcome=overdue");
  await page.getByRole("link", { name: /^D-/ }).first().click();
  const canDo = page.getByTestId("can-do");
  await canDo.getByRole("link", { name: "Explain a breach" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Explain a breach" })).toBeVisible();
  await check(page, "form of a command");
  await page.getByRole("button", { name: "Record it" }).click();
  await expect(page).toHaveTitle(/^Error: /);
  await expect(page.getByRole("alert").getByRole("link", { name: /reason/i })).toBeVisible();
  await check(page, "form of a command with an error");
  await page.getByRole("textbox", { name: "Reason" }).fill("The register was late.");
  await page.getByRole("button", { name: "Record it" }).click();
  await expect(page.getByRole("heading", { level: 1, name: /^Duty D-/ })).toBeVisible();
  await expect(page.getByRole("alert")).toContainText("Recorded: Explain a breach");
  await check(page, "duty after its breach was explained");
});

test("ticked duties are asked for once more before an act is recorded for all of them", async ({ page }) => {
  await page.goto("/duties?outcome=overdue");
  const ticks = page.getByRole("checkbox", { name: /^Tick duty D-/ });
  await ticks.nth(0).check();
  await ticks.nth(1).check();
  await page.getByRole("button", { name: "Continue" }).click();
  await check(page, "form of a command for two");
  await page.getByRole("button", { name: "Continue" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Check before you confirm" })).toBeVisible();
  await check(page, "check before confirming");
  await page.getByRole("button", { name: "Change it" }).click();
  await expect(page.getByRole("textbox", { name: "Duties" })).toHaveValue(/\n/);
});

test("registers, reconciliation and figures are accessible, each with its tabs", async ({ page }) => {
  const sections = {
    Compliance: ["Board report", "Statistics"],
    Reconciliation: ["Backlog of a programme", "Quarantine", "Notices"],
    People: [],
    Organisations: ["Terminals"],
    Audits: ["Attestations", "Retention"],
  };
  for (const [entry, tabs] of Object.entries(sections)) {
    await page.goto("/work");
    await open(page, entry);
    await check(page, entry);
    const csv = page.getByRole("link", { name: "CSV" });
    if (await csv.count()) expect((await page.request.get(await csv.getAttribute("href"))).status(), `${entry}: CSV`).toBe(200);
    for (const tab of tabs) {
      await page.getByRole("navigation", { name: "Pages of this section" }).getByRole("link", { name: tab }).click();
      await expect(page.getByRole("heading", { level: 1, name: tab })).toBeVisible();
      await check(page, tab);
    }
  }
  await page.goto("/coverage");
  await check(page, "coverage");
});

test("a cell of the heat map leads to its duties, and a register is filtered", async ({ page }) => {
  await page.goto("/compliance");
  await page.getByTestId("heat").getByRole("row").nth(2).getByRole("link", { name: / of / }).first().click();
  await expect(page.getByRole("heading", { level: 1, name: "Duties" })).toBeVisible();
  await page.goto("/people");
  await page.locator("summary", { hasText: "Filter the list" }).click();
  await page.getByLabel("Vetting").selectOption("90");
  await check(page, "people with the filter open");
  await page.getByRole("button", { name: "Apply filters" }).click();
  await expect(page).toHaveURL(/expiring=90/);
  await check(page, "people, filtered");
});

test("the head of a column of the heat map leads to its area", async ({ page }) => {
  await page.goto("/compliance");
  await page.getByTestId("heat").getByRole("columnheader").getByRole("link", { name: /^area\// }).first().click();
  await expect(page.getByRole("heading", { level: 1, name: /^Area / })).toBeVisible();
  await expect(page.getByRole("img", { name: /^Duties met in time/ })).toBeVisible();
  await check(page, "area");
});

test("the auditor goes from the log to an event, its proof and the lists of corrections", async ({ page }) => {
  await signInAs(page, "Auditor");
  await open(page, "Assurance");
  await check(page, "assurance");
  const tabs = ["Events", "Annulments", "Waivers", "Back-dated facts", "Imported facts", "Late records"];
  for (const tab of tabs) {
    await page.getByRole("navigation", { name: "Pages of this section" }).getByRole("link", { name: tab }).click();
    await expect(page.getByRole("heading", { level: 1, name: tab })).toBeVisible();
    await check(page, tab);
  }
  await page.goto("/events");
  await expect(page.getByRole("link", { name: /^Look again for what has been recorded/ })).toBeVisible();
  const live = page.getByTestId("live");
  if (test.info().project.use.javaScriptEnabled) {
    await live.getByRole("button", { name: "Pause the live list" }).click();
    await expect(live.getByRole("status")).toContainText("Paused");
    await live.getByRole("button", { name: "Go on with the live list" }).click();
    await expect(live.getByRole("button", { name: "Pause the live list" })).toBeVisible();
    await check(page, "events, live");
  } else {
    await expect(live.getByRole("button")).toHaveCount(0);
  }
  await page.getByTestId("events").getByRole("link", { name: /^Event / }).first().click();
  await expect(page.getByRole("heading", { level: 1, name: /^Event / })).toBeVisible();
  await expect(page.getByText("Leaf index")).toBeVisible();
  await check(page, "event");
});

test("duties can be filtered and a filter taken away again", async ({ page }) => {
  await open(page, "Duties");
  await page.locator("summary", { hasText: "Filter the list" }).click();
  await page.getByRole("checkbox", { name: "Overdue", exact: true }).check();
  await page.getByRole("button", { name: "Apply filters" }).click();
  await expect(page).toHaveURL(/outcome=overdue/);
  const chip = page.getByRole("link", { name: /^Remove filter Outcome: Overdue/ });
  await expect(chip).toBeVisible();
  await check(page, "duties, filtered");
  await chip.click();
  await expect(page).not.toHaveURL(/outcome=overdue/);
});

test("a page can be asked as known at a past day, and says so", async ({ page }) => {
  await openNominalOfBreachMail(page);
  const recorded = page.getByTestId("timeline").locator("dt", { hasText: "Recorded" }).last().locator("xpath=../dd");
  const [, day, month, year] = (await recorded.innerText()).match(/(\d+) (\w+) (\d{4})/);
  await page.locator("summary", { hasText: "Look at a past moment" }).click();
  const boxes = page.getByRole("group", { name: "As known at" });
  await boxes.getByLabel("Day").fill(day);
  await boxes.getByLabel("Month").fill(month);
  await boxes.getByLabel("Year").fill(year);
  await page.getByRole("button", { name: "Show that moment" }).click();
  await expect(page).toHaveURL(/knownAt=\d{4}-\d{2}-\d{2}/);
  await expect(page.getByRole("region", { name: "You are looking at the past" })).toContainText(`${day} ${month} ${year}`);
  await check(page, "nominal, as known at");
  await page.getByRole("link", { name: "Show the present" }).click();
  await expect(page).not.toHaveURL(/knownAt=/);
});

test("a date that does not exist is refused with words beside its boxes", async ({ page }) => {
  await open(page, "My work");
  await page.locator("summary", { hasText: "Look at a past moment" }).click();
  const boxes = page.getByRole("group", { name: "As at" });
  await boxes.getByLabel("Day").fill("30");
  await boxes.getByLabel("Month").fill("2");
  await boxes.getByLabel("Year").fill("2026");
  await page.getByRole("button", { name: "Show that moment" }).click();
  await expect(page).toHaveTitle(/^Error: /);
  await expect(page.getByRole("alert").getByRole("link", { name: /^As at must be a real date/ })).toBeVisible();
  await expect(boxes.getByText(/As at must be a real date/)).toBeVisible();
  await check(page, "my work with an error");
});

test("the skip link is the first stop and leads past the navigation", async ({ page }) => {
  for (const path of ["/work", "/inbox"]) {
    await page.goto(path);
    await page.keyboard.press("Tab");
    const skip = page.getByRole("link", { name: "Skip to main content" });
    await expect(skip).toBeFocused();
    await expect(skip).toBeInViewport();
    await page.keyboard.press("Enter");
    await page.keyboard.press("Tab");
    const inMain = await page.evaluate(() => document.activeElement?.closest("main") !== null);
    expect(inMain, `${path}: the next stop after the skip link lies in main`).toBe(true);
  }
});

test("the breach mail and its duty are reached by keyboard only", async ({ page }) => {
  await findBreachMail(page);
  await tabTo(page, /^Breach: N-/);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { level: 1, name: /^Breach: N-/ })).toBeVisible();
  await tabTo(page, /^D-/);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { level: 1, name: /^Duty D-/ })).toBeVisible();
});

async function tabTo(page, words) {
  for (let stop = 0; stop < 100; stop += 1) {
    await page.keyboard.press("Tab");
    const focused = await page.evaluate(() => document.activeElement?.textContent?.trim() ?? "");
    if (words.test(focused)) {
      await expect(page.locator(":focus")).toBeInViewport();
      return;
    }
  }
  throw new Error(`no stop of the Tab key says ${words}`);
}

test("forced colours and text of 200 % keep words, shapes and width", async ({ page }) => {
  await page.emulateMedia({ forcedColors: "active" });
  await openDutyOfBreachMail(page);
  const tag = page.getByTestId("answer").locator(".mandate-status");
  await expect(tag).toHaveText(/\w/);
  await expect(tag.locator("svg")).toBeVisible();
  expect(await tag.evaluate((element) => getComputedStyle(element).borderTopWidth)).toBe("2px");
  await page.emulateMedia({ forcedColors: "none" });
  if (page.viewportSize().width < 640) return;
  for (const path of ["/work", "/duties", "/inbox"]) {
    await page.goto(path);
    await page.evaluate(() => {
      document.documentElement.style.fontSize = "200%";
    });
    await expectNoSidewaysScroll(page, `${path} at 200 %`);
  }
});
