import { defineConfig } from "@playwright/test";
import { address, args, desktop, executablePath, phone } from "./browser.mjs";

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
    { name: "320 px", use: { viewport: phone, javaScriptEnabled: true } },
    { name: "320 px without JavaScript", use: { viewport: phone, javaScriptEnabled: false } },
  ],
});
