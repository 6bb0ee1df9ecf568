//! A lint for rendered pages: what a machine can tell about accessibility and about inline code.
//!
//! Each finding is one sentence that names the element. An empty list is not a proof of
//! accessibility; the browser tests run axe-core on the same pages.

use std::collections::BTreeMap;

use scraper::{ElementRef, Html, Selector};

/// Link words that say nothing out of context.
const EMPTY_WORDS: [&str; 8] =
    ["here", "click", "click here", "link", "more", "read more", "this", "details"];

/// Checks one whole document and returns what is wrong with it.
///
/// # Panics
/// If a selector of this file is not valid, which its tests would show.
pub fn lint(html: &str) -> Vec<String> {
    let page = Html::parse_document(html);
    let mut found = Vec::new();
    found.extend(page.errors.iter().map(|error| format!("not well formed: {error}")));
    document(&page, &mut found);
    headings(&page, &mut found);
    ids(&page, &mut found);
    fields(&page, &mut found);
    tables(&page, &mut found);
    links(&page, &mut found);
    images(&page, &mut found);
    inline_code(&page, &mut found);
    found
}

fn all<'a>(page: &'a Html, selector: &str) -> Vec<ElementRef<'a>> {
    page.select(&Selector::parse(selector).unwrap()).collect()
}

fn inside<'a>(element: ElementRef<'a>, selector: &str) -> Vec<ElementRef<'a>> {
    element.select(&Selector::parse(selector).unwrap()).collect()
}

fn text(element: ElementRef<'_>) -> String {
    element.text().collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The start tag, shortened, to name an element in a finding.
fn tag(element: ElementRef<'_>) -> String {
    let html = element.html();
    let end = html.find('>').map_or(html.len(), |end| end + 1);
    html.chars().take(end.min(120)).collect()
}

fn document(page: &Html, found: &mut Vec<String>) {
    if page.root_element().attr("lang") != Some("en-GB") {
        found.push("html: lang is not `en-GB`".to_owned());
    }
    let titles = all(page, "head > title");
    let heading = all(page, "h1").first().map(|heading| text(*heading)).unwrap_or_default();
    match titles.as_slice() {
        [title] if text(*title).is_empty() => found.push("title: empty".to_owned()),
        [title] if !text(*title).contains(&heading) => {
            found.push(format!("title: `{}` does not hold the h1 `{heading}`", text(*title)));
        }
        [_] => {}
        titles => found.push(format!("title: {} of them, expected one", titles.len())),
    }
    match all(page, "main").as_slice() {
        [main] => match main.attr("id") {
            Some(id) if !all(page, &format!("a[href='#{id}']")).is_empty() => {}
            _ => found.push("main: no skip link leads to it".to_owned()),
        },
        mains => found.push(format!("main: {} of them, expected one", mains.len())),
    }
    for viewport in all(page, "meta[name=viewport]") {
        let content = viewport.attr("content").unwrap_or_default();
        if content.contains("user-scalable") || content.contains("maximum-scale") {
            found.push("viewport: forbids zooming".to_owned());
        }
    }
}

fn headings(page: &Html, found: &mut Vec<String>) {
    let count = all(page, "h1").len();
    if count != 1 {
        found.push(format!("h1: {count} of them, expected one"));
    }
    // An error summary may stand before the h1, with a heading of the second level.
    let mut before = 1;
    for heading in all(page, "h1, h2, h3, h4, h5, h6") {
        let level: u32 = heading.value().name().trim_start_matches('h').parse().unwrap();
        if level > before + 1 {
            found.push(format!("heading `{}`: level {level} after level {before}", text(heading)));
        }
        if text(heading).is_empty() {
            found.push(format!("heading {}: empty", tag(heading)));
        }
        before = level;
    }
}

fn ids(page: &Html, found: &mut Vec<String>) {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for element in all(page, "[id]") {
        let id = element.attr("id").unwrap();
        if id.is_empty() || id.contains(char::is_whitespace) {
            found.push(format!("id `{id}`: empty or with a space"));
        }
        *counts.entry(id).or_default() += 1;
    }
    for (id, count) in &counts {
        if *count > 1 {
            found.push(format!("id `{id}`: used {count} times"));
        }
    }
    for attribute in ["for", "aria-labelledby", "aria-describedby", "aria-controls", "headers"] {
        for element in all(page, &format!("[{attribute}]")) {
            for id in element.attr(attribute).unwrap().split_whitespace() {
                if !counts.contains_key(id) {
                    found.push(format!("{}: no element has the id `{id}`", tag(element)));
                }
            }
        }
    }
    for element in all(page, "a[href^='#']") {
        let id = element.attr("href").unwrap().trim_start_matches('#');
        if !counts.contains_key(id) {
            found.push(format!("{}: leads nowhere on this page", tag(element)));
        }
    }
}

fn fields(page: &Html, found: &mut Vec<String>) {
    let labelled: Vec<&str> = all(page, "label[for]")
        .into_iter()
        .filter(|label| !text(*label).is_empty())
        .filter_map(|label| label.attr("for"))
        .collect();
    for field in all(page, "input:not([type=hidden]), select, textarea") {
        let by_label = field.attr("id").is_some_and(|id| labelled.contains(&id));
        if !by_label && !named(field) {
            found.push(format!("{}: no label", tag(field)));
        }
        if !field.ancestors().filter_map(ElementRef::wrap).any(|element| element.value().name() == "form") {
            found.push(format!("{}: stands outside a form", tag(field)));
        }
    }
    for button in all(page, "button") {
        if text(button).is_empty() && !named(button) {
            found.push(format!("{}: no words", tag(button)));
        }
    }
    for set in all(page, "fieldset") {
        let first = set.children().find_map(ElementRef::wrap).map(|child| child.value().name().to_owned());
        if first.as_deref() != Some("legend") {
            found.push(format!("{}: does not begin with a legend", tag(set)));
        }
    }
    for form in all(page, "form[method=post]") {
        if inside(form, "input[type=hidden][name=token]").is_empty() {
            found.push(format!("{}: changes something without a token", tag(form)));
        }
    }
    for details in all(page, "details") {
        if inside(details, "summary").iter().all(|summary| text(*summary).is_empty()) {
            found.push(format!("{}: no summary", tag(details)));
        }
    }
}

fn named(element: ElementRef<'_>) -> bool {
    ["aria-label", "aria-labelledby"]
        .iter()
        .any(|name| element.attr(name).is_some_and(|value| !value.is_empty()))
}

fn tables(page: &Html, found: &mut Vec<String>) {
    for table in all(page, "table") {
        if inside(table, "caption").iter().all(|caption| text(*caption).is_empty()) {
            found.push(format!("{}: no caption", tag(table)));
        }
        let heads = inside(table, "th");
        if heads.is_empty() {
            found.push(format!("{}: no th", tag(table)));
        }
        for head in heads {
            if !matches!(head.attr("scope"), Some("col" | "row" | "colgroup" | "rowgroup")) {
                found.push(format!("th `{}`: no scope", text(head)));
            }
        }
    }
}

fn links(page: &Html, found: &mut Vec<String>) {
    for link in all(page, "a") {
        let words = text(link).to_lowercase();
        if words.is_empty() && !named(link) {
            found.push(format!("{}: no words", tag(link)));
        }
        if EMPTY_WORDS.contains(&words.trim_end_matches(['.', '…'])) {
            found.push(format!("{}: `{words}` says nothing out of context", tag(link)));
        }
        match link.attr("href") {
            None | Some("") => found.push(format!("{}: no href", tag(link))),
            Some(href) if href.trim().to_lowercase().starts_with("javascript:") => {
                found.push(format!("{}: runs a script", tag(link)));
            }
            Some(_) => {}
        }
    }
}

fn images(page: &Html, found: &mut Vec<String>) {
    for image in all(page, "img, input[type=image], area") {
        if image.attr("alt").is_none() {
            found.push(format!("{}: no alt", tag(image)));
        }
    }
    for drawing in all(page, "svg") {
        let hidden = drawing.attr("aria-hidden") == Some("true");
        let told =
            drawing.attr("role") == Some("img") && (named(drawing) || !inside(drawing, "title").is_empty());
        if !hidden && !told {
            found.push(format!("{}: neither hidden nor named", tag(drawing)));
        }
    }
}

fn inline_code(page: &Html, found: &mut Vec<String>) {
    for element in all(page, "style") {
        found.push(format!("{}: inline style sheet", tag(element)));
    }
    for element in all(page, "script:not([src])") {
        found.push(format!("{}: inline script", tag(element)));
    }
    for element in all(page, "*") {
        for (name, value) in element.value().attrs() {
            if name == "style" {
                found.push(format!("{}: inline style", tag(element)));
            }
            if name.starts_with("on") {
                found.push(format!("{}: event handler `{name}`", tag(element)));
            }
            if name == "autofocus"
                || (name == "tabindex" && value.parse::<i32>().is_ok_and(|order| order > 0))
            {
                found.push(format!("{}: `{name}` takes the focus out of order", tag(element)));
            }
        }
    }
    for element in all(page, "script[src], link[href], img[src], iframe, object, embed") {
        let address = element.attr("src").or_else(|| element.attr("href")).unwrap_or_default();
        if !address.starts_with('/') || address.starts_with("//") {
            found.push(format!("{}: loads `{address}` from elsewhere", tag(element)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r##"<!DOCTYPE html><html lang="en-GB"><head><title>Duties – Mandate</title>
        <meta name="viewport" content="width=device-width"></head><body><a href="#main">Skip to main content</a>
        <main id="main"><h1>Duties</h1><h2>Found</h2>
        <form method="post" action="/x"><input type="hidden" name="token" value="t">
        <label for="day">Day</label><input id="day" name="day"><button>Send</button></form>
        <fieldset><legend>Date</legend></fieldset><details><summary>More of it</summary></details>
        <table><caption>Duties</caption><tr><th scope="col">Duty</th></tr><tr><td>1</td></tr></table>
        <a href="/duties/1">D-00000001</a><img src="/a.png" alt=""><svg aria-hidden="true"></svg>
        </main></body></html>"##;

    #[test]
    fn a_good_page_passes() {
        assert_eq!(lint(GOOD), Vec::<String>::new());
    }

    /// Each control breaks one rule of the good page, and only the finding named here may appear.
    #[test]
    fn each_control_fails_for_its_own_reason() {
        let controls = [
            (r#"lang="en-GB""#, r#"lang="fr""#, "html: lang is not `en-GB`"),
            ("Duties – Mandate", "", "title: empty"),
            ("Duties – Mandate", "Mandate", "title: `Mandate` does not hold the h1"),
            (r##"<a href="#main">Skip to main content</a>"##, "", "main: no skip link"),
            ("width=device-width", "width=device-width, maximum-scale=1", "viewport: forbids zooming"),
            ("<h2>Found</h2>", "<h1>Duties</h1>", "h1: 2 of them"),
            ("<h2>Found</h2>", "<h3>Found</h3>", "level 3 after level 1"),
            ("<h2>Found</h2>", "<h2> </h2>", "empty"),
            (r#"id="day" "#, r#"id="day" ></p><input type="hidden" id="day" "#, "used 2 times"),
            (r#"<label for="day">"#, r#"<label for="days">"#, "no element has the id `days`"),
            (r#"href="/duties/1""#, r##"href="#nowhere""##, "leads nowhere on this page"),
            (r#"<label for="day">Day</label>"#, "", "no label"),
            ("<button>Send</button>", "<button></button>", "no words"),
            ("<legend>Date</legend>", "", "does not begin with a legend"),
            (r#"name="token""#, r#"name="tokem""#, "without a token"),
            ("<summary>More of it</summary>", "", "no summary"),
            ("<caption>Duties</caption>", "", "no caption"),
            (r#"<th scope="col">"#, "<th>", "no scope"),
            ("D-00000001", "click here", "says nothing out of context"),
            ("D-00000001", "Here.", "says nothing out of context"),
            ("D-00000001", "", "no words"),
            (r#"href="/duties/1""#, "", "no href"),
            (r#"href="/duties/1""#, r#"href="javascript:x()""#, "runs a script"),
            (r#" alt="""#, "", "no alt"),
            (r#"<svg aria-hidden="true">"#, "<svg>", "neither hidden nor named"),
            ("<h2>", r#"<h2 style="color:red">"#, "inline style"),
            ("<h2>", "<style>p{}</style><h2>", "inline style sheet"),
            ("<h2>", "<script>1</script><h2>", "inline script"),
            ("<h2>", r#"<h2 onclick="x()">"#, "event handler `onclick`"),
            ("<h2>", r#"<h2 tabindex="2">"#, "`tabindex` takes the focus out of order"),
            (r#"src="/a.png""#, r#"src="//cdn.example/a.png""#, "from elsewhere"),
            ("</main>", "</section></main>", "not well formed"),
        ];
        for (good, bad, reason) in controls {
            assert!(GOOD.contains(good), "the good page does not hold `{good}`");
            let found = lint(&GOOD.replacen(good, bad, 1));
            assert!(
                found.iter().any(|finding| finding.contains(reason)),
                "`{good}` → `{bad}`: expected `{reason}`, found {found:?}"
            );
        }
    }
}
