// How long each page takes and how large it is: `MANDATE_URL=… node times.mjs`. Signs in as each person of the
// demonstration, follows the links of each page to every kind of address once, and asks for each of them five times.
// Prints a table, the slowest first. Ends with 1 where a page takes longer than LIMIT_MS (1,000) or is larger than
// LIMIT_KB (1,000): whoever needs more than that to see something is not served.
import { address } from "./browser.mjs";

const REQUESTS = 5;
const limitMs = Number(process.env.LIMIT_MS ?? 1_000);
const limitKb = Number(process.env.LIMIT_KB ?? 1_000);

/** Somebody of the demonstration, with the cookie of their session. */
async function signIn(persona) {
  const page = await fetch(`${address()}/sign-in`);
  const [cookie] = page.headers.getSetCookie().map((set) => set.split(";")[0]);
  const html = await page.text();
  const token = html.match(/name="token" value="([^"]+)"/)[1];
  const answer = await fetch(`${address()}/sign-in`, {
    method: "POST",
    redirect: "manual",
    headers: { cookie, "content-type": "application/x-www-form-urlencoded" },
    body: new URLSearchParams({ token, persona }),
  });
  const own = answer.headers.getSetCookie().map((set) => set.split(";")[0]);
  return own[0] ?? cookie;
}

async function personas() {
  const html = await (await fetch(`${address()}/sign-in`)).text();
  return [...html.matchAll(/name="persona" value="([^"]+)"/g)].map(([, persona]) => persona);
}

/** An address with what names one of many left out, so that one of each kind is asked for. */
function kindOf(href) {
  const url = new URL(href, address());
  const path = url.pathname.replace(
    /^(\/(?:duties|nominals|inbox|areas|events|quarantine|rules)\/)(?!backtest|overlap|readings)[^/]+/,
    "$1…",
  );
  const names = [...url.searchParams.keys()].filter((name) => name !== "back");
  // What is about a subject looks different for each kind of subject; a choice, for each value.
  const telling = ["subject", "kind", "sort", "by", "order", "programme", "check", "act", "period"];
  const shown = names.map((name) => {
    const value = url.searchParams.get(name);
    return telling.includes(name) ? `${name}=${value.includes("/") ? value.split("/")[0] : value}` : name;
  });
  return path + (shown.length ? `?${[...new Set(shown)].sort().join("&")}` : "");
}

async function ask(cookie, href) {
  const begun = performance.now();
  const answer = await fetch(new URL(href, address()), { headers: { cookie, accept: "text/html" }, redirect: "manual" });
  const body = Buffer.from(await answer.arrayBuffer());
  return { ms: performance.now() - begun, status: answer.status, type: answer.headers.get("content-type") ?? "", body };
}

const links = (html) =>
  [...html.matchAll(/<a\s[^>]*href="([^"#]+)[^"]*"/g)]
    .map(([, href]) => href.replaceAll("&amp;", "&"))
    .filter((href) => href.startsWith("/") && !href.startsWith("/v1/") && !href.startsWith("/assets/"));

const middle = (times) => [...times].sort((one, other) => one - other)[Math.floor(times.length / 2)];

const only = process.argv.slice(2);
const rows = [];
for (const persona of only.length ? only : await personas()) {
  const cookie = await signIn(persona);
  const seen = new Map();
  const waiting = ["/", "/work", "/help", "/settings"];
  while (waiting.length) {
    const href = waiting.shift();
    const kind = kindOf(href);
    if (seen.has(kind) || kind.startsWith("/sign-")) continue;
    seen.set(kind, href);
    const first = await ask(cookie, href);
    const html = first.type.startsWith("text/html") ? first.body.toString() : "";
    waiting.push(...links(html));
    const times = [];
    for (let request = 0; request < REQUESTS; request += 1) times.push((await ask(cookie, href)).ms);
    rows.push({ persona, kind, href, status: first.status, first: first.ms, p50: middle(times), max: Math.max(...times), kb: first.body.length / 1_000 });
  }
}
rows.sort((one, other) => other.p50 - one.p50);
console.log("   first      p50      max       kB  status  person               address");
for (const { persona, kind, href, status, first, p50, max, kb } of rows) {
  const number = (value) => value.toFixed(1).padStart(8);
  console.log(`${number(first)} ${number(p50)} ${number(max)} ${number(kb)}  ${status}     ${persona.padEnd(20)} ${kind}  (${href})`);
}
const bad = rows.filter(({ status, p50, kb }) => status >= 400 || p50 > limitMs || kb > limitKb);
console.log(`${rows.length} pages; ${bad.length} not well: refused, slower than ${limitMs} ms or larger than ${limitKb} kB`);
process.exit(bad.length ? 1 : 0);
