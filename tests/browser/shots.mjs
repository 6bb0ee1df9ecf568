// Takes pictures of pages: `MANDATE_URL=… node shots.mjs /work /duties/D-3F2A81C0 …`
// Signs in as the CPC first, or as PERSONA (auditor, smb-member, …). Writes shots/<persona>-<path>-desktop.png
// and -phone.png.
import { mkdirSync } from "node:fs";
import { chromium } from "@playwright/test";
import { address, args, desktop, executablePath, phone } from "./browser.mjs";

const persona = process.env.PERSONA ?? "cpc";
const paths = process.argv.slice(2);
if (paths.length === 0) throw new Error("name at least one path, for example: node shots.mjs /work");
mkdirSync(new URL("shots/", import.meta.url), { recursive: true });

const browser = await chromium.launch({ executablePath, args });
for (const [name, viewport] of Object.entries({ desktop, phone })) {
  const context = await browser.newContext({ viewport, locale: "en-GB", timezoneId: "Europe/London" });
  const page = await context.newPage();
  await page.goto(`${address()}/sign-in`);
  await page.locator(`button[name=persona][value="${persona}"]`).click();
  for (const path of paths) {
    await page.goto(`${address()}${path}`);
    const file = path.replace(/[^A-Za-z0-9]+/g, "-").replace(/^-|-$/g, "") || "start";
    const target = new URL(`shots/${persona}-${file}-${name}.png`, import.meta.url).pathname;
    await page.screenshot({ path: target, fullPage: true });
    console.log(target);
  }
  await context.close();
}
await browser.close();
