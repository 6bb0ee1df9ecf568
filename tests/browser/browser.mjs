// How the browser is started: Debian's Chromium, which must reach nothing but the program under test.
export const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";

export const args = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export const desktop = { width: 1280, height: 900 };
export const phone = { width: 320, height: 720 };

/** The address of the running `mandate demo`, from MANDATE_URL. */
export function address() {
  const url = process.env.MANDATE_URL;
  if (!url) {
    throw new Error("MANDATE_URL is not set: start `mandate demo` and set it to the address that it prints");
  }
  return url.replace(/\/$/, "");
}
