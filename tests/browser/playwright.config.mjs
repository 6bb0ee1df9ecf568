import { defineConfig } from "@playwright/test";
import { address, args, desktop, executablePath, phone } from "./browser.mjs";

// The tasks of each kind of user are walked on a narrow screen as well where there is time for it.
const narrow = process.env.MANDATE_WALK === "all" ? {} : { testIgnore: "tasks.spec.mjs" };
const launchOptions = { executablePath, args };

export default defineConfig({
  testDir: ".",
  testMatch: "*.spec.mjs",
  outputDir: "test-results",
  reporter: "list",
  forbidOnly: true,
  retries: 0,
  workers: 1,
  timeout: 120_000,
  use: {
    baseURL: address(),
    launchOptions,
    locale: "en-GB",
    timezoneId: "Europe/London",
    screenshot: "only-on-failure",
  },
  projects: [
    { name: "desktop", use: { viewport: desktop, javaScriptEnabled: true } },
    { name: "desktop without JavaScript", use: { viewport: desktop, javaScriptEnabled: false } },
    { name: "320 px", ...narrow, use: { viewport: phone, javaScriptEnabled: true } },
    { name: "320 px without JavaScript", ...narrow, use: { viewport: phone, javaScriptEnabled: false } },
  ],
});
