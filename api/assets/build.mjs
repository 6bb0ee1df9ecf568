// Builds `dist/`: one style sheet, two scripts and a few images, each with a hash of its
// content in its name, and `manifest.json`, which maps plain names to hashed ones.
//
// govuk-frontend and the MOJ components come from npm. Mandate is not a service of GOV.UK, so the
// build takes out what belongs to that brand (the licensed font, crown and coat of arms, their
// header and footer, icons) and fails if a trace of it is left.
import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import postcss from "postcss";

const here = dirname(fileURLToPath(import.meta.url));
const dist = join(here, "dist");
const govuk = join(here, "node_modules/govuk-frontend/dist/govuk");
const moj = join(here, "node_modules/@ministryofjustice/frontend/moj");

// The MOJ components that pages use. The rest of that style sheet is not shipped; a page that
// needs one more adds its name.
const MOJ_COMPONENTS = ["badge", "filter", "filter-tags", "ticket-panel", "timeline"];

// Rules of govuk-frontend that draw the GOV.UK brand: Mandate has the generic header and its own footer.
const BRANDED = /\.govuk-(header|footer|logo)(?![a-z])/;

// What must not be found in anything that is served. The licence notices name the Crown as the
// holder of copyright and are not looked through.
const FORBIDDEN = /gds[\s_-]*transport|\bnta\b|crown|crest|logotype|opengraph|og:image|govuk-icon|@font-face|sourceMappingURL/i;
// The one address that may occur is the name of the SVG vocabulary, which nothing fetches.
const ADDRESS = /https?:\/\/(?!www\.w3\.org\/(2000\/svg|1999\/xlink))[a-z0-9]/i;

const manifest = {};

function fail(message) {
  console.error(`build.mjs: ${message}`);
  process.exit(1);
}

/** Writes one file under a name that holds the hash of its content, and returns that name. */
function emit(name, content) {
  const bytes = Buffer.from(content);
  // Swagger UI names addresses in its texts; the content security policy sees to it that none is fetched.
  if (name !== "licences.txt" && !name.startsWith("swagger-ui.")) {
    const text = bytes.toString("utf8");
    const found = text.match(FORBIDDEN) ?? text.match(ADDRESS);
    if (found) {
      const near = text.slice(Math.max(0, found.index - 60), found.index + 60);
      fail(`${name} still holds \`${found[0]}\`: …${near}…`);
    }
  }
  const hash = createHash("sha256").update(bytes).digest("hex").slice(0, 12);
  const dot = name.lastIndexOf(".");
  const hashed = `${name.slice(0, dot)}-${hash}${name.slice(dot)}`;
  writeFileSync(join(dist, hashed), bytes);
  manifest[name] = hashed;
  console.log(`${hashed}  ${bytes.length} bytes, ${gzipSync(bytes).length} gzipped`);
  return hashed;
}

/** Takes comments, the licensed font and the style sheet's own idea of its version out. */
function debrand(css) {
  css.walkComments((comment) => comment.remove());
  css.walkAtRules("font-face", (rule) => rule.remove());
  css.walkAtRules("charset", (rule) => rule.remove());
  css.walkDecls(/^font(-family)?$/, (declaration) => {
    declaration.value = declaration.value.replace(/["']?GDS Transport["']?,\s*/g, "");
  });
}

/** Keeps the selectors that `keep` accepts, and removes rules and at-rules left empty. */
function keepSelectors(css, keep) {
  css.walkRules((rule) => {
    if (rule.parent.type === "atrule" && /keyframes$/.test(rule.parent.name)) return;
    const kept = rule.selectors.filter(keep);
    if (kept.length === 0) rule.remove();
    else if (kept.length < rule.selectors.length) rule.selectors = kept;
  });
  css.walkAtRules((rule) => {
    if (rule.nodes && rule.nodes.length === 0) rule.remove();
  });
}

/** Emits each image a style sheet refers to and points the style sheet at the hashed name. */
function takeImages(css, folder) {
  css.walkDecls((declaration) => {
    declaration.value = declaration.value.replace(/url\(([^)]*)\)/g, (whole, address) => {
      const plain = address.replace(/["']/g, "");
      if (plain.startsWith("data:")) fail(`${declaration}: the content security policy refuses data: images`);
      return `url(${emit(basename(plain), readFileSync(join(folder, basename(plain))))})`;
    });
  });
}

const MOJ_SELECTOR = new RegExp(`\\.moj-(${MOJ_COMPONENTS.join("|")})(?=__|--|[^a-z-]|$)`);

function mojStyles() {
  const css = postcss.parse(readFileSync(join(moj, "moj-frontend.min.css"), "utf8"));
  debrand(css);
  keepSelectors(css, (selector) => MOJ_SELECTOR.test(selector));
  takeImages(css, join(moj, "assets/images"));
  return css.toString();
}

function govukStyles() {
  const css = postcss.parse(readFileSync(join(govuk, "govuk-frontend.min.css"), "utf8"));
  debrand(css);
  keepSelectors(css, (selector) => !BRANDED.test(selector));
  takeImages(css, join(govuk, "assets/images"));
  return css.toString();
}

function ownStyles() {
  const css = postcss.parse(readFileSync(join(here, "mandate.css"), "utf8"));
  debrand(css);
  return css.toString().replace(/\n\s*/g, "\n").trim();
}

rmSync(dist, { recursive: true, force: true });
mkdirSync(dist, { recursive: true });

// The components come first, so that the base and then our own rules may overrule them.
emit("mandate.css", `@charset "UTF-8";${[mojStyles(), govukStyles(), ownStyles()].join("\n")}\n`);

const library = readFileSync(join(govuk, "govuk-frontend.min.js"), "utf8").replace(/\/\/# sourceMappingURL=.*\s*$/, "");
const libraryName = emit("govuk-frontend.js", library);
const script = readFileSync(join(here, "mandate.mjs"), "utf8");
if (!script.includes('"./govuk-frontend.js"')) fail("mandate.mjs does not import ./govuk-frontend.js");
emit("mandate.js", script.replace("./govuk-frontend.js", `./${libraryName}`));

const swagger = join(here, "node_modules/swagger-ui-dist");
const plain = (name) => readFileSync(join(swagger, name), "utf8").replace(/\/[/*][#@] sourceMappingURL=.*\s*$/, "");
emit("swagger-ui.css", plain("swagger-ui.css"));
emit("swagger-ui.js", plain("swagger-ui-bundle.js"));
emit("swagger.js", readFileSync(join(here, "swagger.mjs"), "utf8"));

emit("favicon.svg", readFileSync(join(here, "favicon.svg")));
emit("licences.txt", readFileSync(join(here, "licences.txt")));

const sorted = Object.fromEntries(Object.entries(manifest).sort(([a], [b]) => (a < b ? -1 : 1)));
writeFileSync(join(dist, "manifest.json"), `${JSON.stringify(sorted, null, 2)}\n`);
