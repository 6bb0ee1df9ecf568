// The three tasks that each kind of user comes for, from signing in to what they wanted; once with JavaScript and once
// without, wide and narrow.
import { expect, test } from "@playwright/test";
import { check, watch } from "./check.mjs";
import { open, signInAs } from "./people.mjs";

const PROJECTS = ["desktop", "desktop without JavaScript", "320 px", "320 px without JavaScript"];

let problems;

test.beforeEach(({ page }) => {
  problems = watch(page);
});

test.afterEach(() => expect(problems).toEqual([]));

const heading = (page, name) => page.getByRole("heading", { level: 1, name });
const tab = (page, name) =>
  page.getByRole("navigation", { name: "Pages of this section" }).getByRole("link", { name }).click();
const duties = (page) => page.getByRole("main").getByRole("link", { name: /^D-/ });

/** Opens duties of the list, in its order, until one offers an act of this name; answers with its link. */
async function dutyThatOffers(page, list, act) {
  await page.goto(list);
  const found = await duties(page).evaluateAll((links) => links.map((link) => link.getAttribute("href")));
  for (const href of found) {
    await page.goto(href);
    const canDo = page.getByTestId("can-do");
    const link = canDo.getByRole("link", { name: act }).or(canDo.getByRole("button", { name: act })).first();
    if (await link.count()) return link;
  }
  throw new Error(`no duty of ${list} offers ${act}`);
}

/** Downloads what a link of this name leads to. */
async function take(page, name) {
  const href = await page.getByRole("link", { name }).first().getAttribute("href");
  const answer = await page.request.get(href);
  expect(answer.status(), href).toBe(200);
  return answer.text();
}

async function fillDate(page, group, [day, month, year]) {
  const boxes = page.getByRole("group", { name: group });
  await boxes.getByLabel("Day").fill(day);
  await boxes.getByLabel("Month").fill(month);
  await boxes.getByLabel("Year").fill(year);
}

test.describe("CPC", () => {
  test.beforeEach(({ page }) => signInAs(page, "CPC"));

  test("what did we miss: a breach, why, and its explanation", async ({ page }) => {
    const link = await dutyThatOffers(page, "/duties?breach=true&outcome=overdue", "Explain a breach");
    await expect(page.getByTestId("answer")).toContainText("Breach of paragraph");
    await expect(page.getByTestId("why").getByRole("listitem").first()).toBeVisible();
    await link.click();
    await page.getByRole("textbox", { name: "Reason" }).fill("The list was late.");
    await page.getByRole("button", { name: "Record it" }).click();
    await expect(page.getByRole("alert")).toContainText("Recorded: Explain a breach");
  });

  test("what is about to be missed: this week's work, also as a file", async ({ page }) => {
    await open(page, "My work");
    await expect(page.getByRole("heading", { level: 2, name: /^Due this week/ })).toBeVisible();
    expect((await take(page, /CSV$/)).split("\n").length).toBeGreaterThan(2);
  });

  test("whose vetting ends: the register of people, and what can be done about one", async ({ page }) => {
    await open(page, "People");
    await page.locator("summary", { hasText: "Filter the list" }).click();
    await page.getByLabel("Vetting").selectOption("90");
    await page.getByRole("button", { name: "Apply filters" }).click();
    await page.getByRole("main").getByRole("link", { name: /^user\// }).first().click();
    await page.getByTestId("can-do").getByRole("link", { name: "Record that vetting was cleared" }).click();
    await expect(page.getByRole("textbox", { name: "User", exact: true })).toHaveValue(/^user\//);
    await check(page, "form of vetting");
  });
});

test.describe("LPC", () => {
  test.beforeEach(({ page }) => signInAs(page, "LPC"));

  test("what must I do next: an act is recorded from its duty, which is then met", async ({ page }) => {
    // What a unit has to do differs with its cases; each of these takes nothing that must be typed.
    const act = /^Record(: (Minutes produced|Partners removal requested)| that the quality assurance e-learning was completed)/;
    const link = await dutyThatOffers(page, "/work", act);
    await link.click();
    await check(page, "form of an act");
    await page.getByRole("button", { name: "Record it" }).click();
    await expect(heading(page, /^Duty D-/)).toBeVisible();
    await expect(page.getByRole("alert")).toContainText("Recorded: ");
    await expect(page.getByTestId("answer")).toContainText("Met");
  });

  test("several at once: two duties are acknowledged by one act", async ({ page }) => {
    await page.goto("/duties?outcome=overdue");
    const ticks = page.getByRole("checkbox", { name: /^Tick duty D-/ });
    // Each of the four walks acknowledges two of its own.
    const first = 2 * PROJECTS.indexOf(test.info().project.name);
    await ticks.nth(first).check();
    await ticks.nth(first + 1).check();
    await page.getByRole("combobox", { name: "For the duties that are ticked" }).selectOption({ label: "Acknowledge a breach" });
    await page.getByRole("button", { name: "Continue" }).click();
    await page.getByRole("button", { name: "Continue" }).click();
    await expect(heading(page, "Check before you confirm")).toBeVisible();
    await page.getByRole("button", { name: "Confirm" }).click();
    await expect(page.getByRole("alert")).toContainText("Recorded: Acknowledge a breach (2 at once)");
  });

  test("the list I look at every day is saved under a name, opened and removed", async ({ page }) => {
    await page.goto("/duties?outcome=overdue");
    await page.getByRole("link", { name: "Save this list under a name" }).click();
    await page.getByRole("textbox", { name: "Name" }).fill("What is overdue");
    await page.getByRole("button", { name: "Record it" }).click();
    const saved = page.getByTestId("saved");
    await page.goto("/duties");
    await saved.getByRole("link", { name: "What is overdue", exact: true }).click();
    await expect(page).toHaveURL(/outcome=overdue/);
    await check(page, "duties with a saved list");
    await saved.getByRole("link", { name: "Remove What is overdue" }).click();
    await page.getByRole("button", { name: "Record it" }).click();
    await expect(saved.getByRole("link", { name: "What is overdue", exact: true })).toHaveCount(0);
  });
});

test.describe("case administrator", () => {
  test.beforeEach(({ page }) => signInAs(page, "Case administrator"));

  test("an act of yesterday is recorded with its day", async ({ page }) => {
    await page.goto("/work");
    const reference = await page.getByRole("main").getByRole("link", { name: /^N-/ }).first().innerText();
    await page.goto(`/act/record-act?subject=nominal/${reference.trim()}`);
    await page.getByRole("combobox", { name: "What was done" }).selectOption({ label: "Partners removal requested" });
    await page.getByRole("button", { name: "Choose", exact: true }).click();
    await page.getByRole("textbox", { name: "Organisation", exact: true }).fill("prison/ACI");
    await page.locator("summary", { hasText: "Say when it took place" }).click();
    await fillDate(page, "The day on which it took place", ["30", "9", "2026"]);
    await page.getByRole("button", { name: "Record it" }).click();
    await expect(page.getByRole("alert")).toContainText("Recorded: ");
  });

  test("a nominal is found by its reference, opened with a reason where it takes one, and its history read", async ({ page }) => {
    await page.goto("/work");
    const about = page.getByRole("main").getByRole("link", { name: /^N-/ }).first();
    const reference = (await about.innerText()).trim();
    await page.getByRole("textbox", { name: "Find by reference" }).fill(reference);
    await page.getByRole("button", { name: "Find" }).click();
    // Of a record of another owner one says first why it is opened.
    if (await heading(page, "Open a record of which you are no partner").count()) {
      await page.getByRole("textbox").last().fill("To correct what we recorded.");
      await page.getByRole("button", { name: "Open the record" }).click();
    }
    await expect(heading(page, `Nominal ${reference}`)).toBeVisible();
    await expect(page.getByTestId("timeline").getByText("Recorded", { exact: true }).first()).toBeVisible();
    await check(page, "nominal opened with a reason");
  });

  test("why this date: each day that was counted or skipped", async ({ page }) => {
    await page.goto("/work");
    await duties(page).first().click();
    await expect(page.getByTestId("why").getByRole("listitem").first()).toBeVisible();
    await expect(page.getByRole("blockquote").first()).not.toBeEmpty();
  });
});

test.describe("senior probation officer", () => {
  test.beforeEach(({ page }) => signInAs(page, "Senior probation officer"));

  test("is my team up to date: what is overdue in the unit", async ({ page }) => {
    await open(page, "My work");
    await expect(page.getByTestId("counts")).toContainText("Overdue");
    await check(page, "work of a team");
  });

  test("someone left: the CPC is informed", async ({ page }) => {
    await page.goto("/act/inform-cpc-of-leaver");
    await check(page, "form of a leaver");
    await page.getByRole("button", { name: "Record it" }).click();
    await expect(page.getByRole("alert").getByRole("link", { name: "Fill in “User”." })).toBeVisible();
  });

  test("when the digest comes is set", async ({ page }) => {
    await page.getByRole("link", { name: "Settings" }).click();
    await page.getByRole("textbox", { name: /digest/i }).first().fill("08:15");
    await page.getByRole("button", { name: /save/i }).click();
    await expect(page.getByRole("textbox", { name: /digest/i }).first()).toHaveValue("08:15");
  });
});

test.describe("ViSOR lead", () => {
  test.beforeEach(({ page }) => signInAs(page, "ViSOR lead"));

  test("which prisoners still need a partnership: it is asked for from the duty", async ({ page }) => {
    const list = "/duties?rule=5.13&outcome=overdue,pending&holder=prison/ACI";
    await page.goto(list);
    // A prison may have asked for all that it needs, and is told so.
    if (!(await duties(page).count())) return expect(page.getByRole("main")).toContainText("No duty matches");
    const link = await dutyThatOffers(page, list, "Ask the owner to partner an organisation");
    await link.click();
    await expect(page.getByRole("textbox", { name: "Organisation", exact: true })).toHaveValue(/^prison\//);
    // The prison has few of these duties: two of the four walks leave theirs for the others.
    if (PROJECTS.indexOf(test.info().project.name) > 1) return;
    await page.getByRole("button", { name: "Record it" }).click();
    await expect(page.getByRole("alert")).toContainText("Recorded: Ask the owner");
  });

  test("what the systems say of one nominal differs: the reconciliation of the prison", async ({ page }) => {
    await open(page, "Reconciliation");
    await check(page, "reconciliation of a prison");
    await take(page, /CSV$/);
  });

  test("who may use ViSOR here, and on which terminals", async ({ page }) => {
    await open(page, "People");
    await expect(page.getByRole("row").nth(1)).toBeVisible();
    await open(page, "Organisations");
    await tab(page, "Terminals");
    await expect(heading(page, "Terminals")).toBeVisible();
  });
});

test.describe("SMB member", () => {
  test.beforeEach(({ page }) => signInAs(page, "SMB member"));

  test("are we compliant: the heat map, without any person", async ({ page }) => {
    await open(page, "Compliance");
    await expect(page.getByTestId("heat").getByRole("row").nth(2)).toBeVisible();
    await expect(page.getByRole("main")).not.toContainText(/\bN-[0-9A-Z]{8}\b/);
    await check(page, "compliance for a board");
  });

  test("is it getting better: the trend of the area", async ({ page }) => {
    await page.goto("/compliance");
    await page.getByTestId("heat").getByRole("columnheader").getByRole("link", { name: /^area\// }).first().click();
    await expect(page.getByRole("img", { name: /^Duties met in time/ })).toBeVisible();
  });

  test("the report for the meeting, for paper and as a file", async ({ page }) => {
    await page.goto("/compliance");
    await tab(page, "Board report");
    await page.emulateMedia({ media: "print" });
    await expect(page.getByRole("navigation", { name: "Menu" })).toBeHidden();
    await page.emulateMedia({ media: "screen" });
    expect(await take(page, /CSV$/)).toContain(",");
  });
});

test.describe("auditor", () => {
  test.beforeEach(({ page }) => signInAs(page, "Auditor"));

  test("what did you know on that day: a duty as known before", async ({ page }) => {
    await page.goto("/duties?breach=true&outcome=met_late");
    await duties(page).first().click();
    await page.locator("summary", { hasText: "Look at a past moment" }).click();
    await fillDate(page, "As known at", ["1", "9", "2026"]);
    await page.getByRole("button", { name: "Show that moment" }).click();
    await expect(page.getByRole("region", { name: "You are looking at the past" })).toContainText("1 September 2026");
  });

  test("why was this a breach: paragraph, rule version, facts and days", async ({ page }) => {
    await page.goto("/duties?breach=true&outcome=overdue");
    await duties(page).first().click();
    await expect(page.getByTestId("answer")).toContainText("Breach of paragraph");
    await page.getByRole("link", { name: /^Rule / }).first().click();
    await expect(page.getByTestId("rule")).toBeVisible();
  });

  test("has anything been altered: checkpoints, and the proof of an event", async ({ page }) => {
    await open(page, "Assurance");
    await expect(page.getByRole("main")).toContainText("mandate.invalid/demonstration");
    await tab(page, "Events");
    await page.getByTestId("events").getByRole("link", { name: /^Event / }).first().click();
    await expect(page.getByText("Leaf index")).toBeVisible();
  });
});

test.describe("system administrator", () => {
  test.beforeEach(({ page }) => signInAs(page, "System administrator"));

  test("is everything running: feeds, read models and mail", async ({ page }) => {
    await page.goto("/operations");
    await expect(heading(page, "Operations")).toBeVisible();
    await check(page, "operations for an administrator");
  });

  test("what could not be read: quarantine and notices", async ({ page }) => {
    await page.goto("/operations");
    await tab(page, "Quarantine");
    await check(page, "quarantine for an administrator");
    await tab(page, "Notices");
    await check(page, "notices for an administrator");
  });

  test("a new user is registered", async ({ page }) => {
    await open(page, "People");
    await page.getByTestId("page-actions").getByRole("link", { name: "Register a user" }).click();
    await page.getByRole("textbox", { name: "User", exact: true }).fill(`user/walk-${Date.now()}`);
    await page.getByRole("textbox", { name: "Organisation", exact: true }).fill("area/A01");
    await page.getByRole("combobox", { name: "Role" }).selectOption("practitioner");
    await page.getByRole("radio", { name: "Probation" }).check();
    await page.getByRole("button", { name: "Record it" }).click();
    await expect(page.getByRole("alert")).toContainText("Recorded: Register a user");
  });
});
