//! What is planted, and how it is found again.

/// What no honest text holds: each stands for one kind of personal data.
pub const CANARIES: [(&str, &str); 10] = [
    ("name", "Zebedee Quillfeather"),
    ("alias", "Otterly Zeb"),
    ("birth", "the third of Smarch 1961"),
    ("address", "17 Marrowbone Yard"),
    ("crn", "X777978"),
    ("noms", "A7779ZB"),
    ("pnc", "1999/0123456Z"),
    ("visor", "VQX 7777/99"),
    ("phone", "07700 900777"),
    ("text", "saw the heron at dusk"),
];

/// The canary of a kind.
pub fn canary(kind: &str) -> &'static str {
    CANARIES.iter().find(|(known, _)| *known == kind).map(|(_, text)| *text).unwrap()
}

/// The kinds of canary that a text holds, however it is written there: in an address, in HTML, in another case.
pub fn found_in(text: &str) -> Vec<&'static str> {
    let plain = text.to_lowercase().replace("&#47;", "/").replace("\\/", "/");
    let decoded = decoded(&plain);
    let holds = |text: &str| {
        let text = text.to_lowercase();
        plain.contains(&text) || decoded.contains(&text)
    };
    CANARIES.iter().filter(|(_, text)| holds(text)).map(|(kind, _)| *kind).collect()
}

/// A text as it is once `%41` and `+` are taken for what they stand for.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let two = after.get(..2).and_then(|two| u8::from_str_radix(std::str::from_utf8(two).ok()?, 16).ok());
        match (first, two) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            (b'+', _) => {
                bytes.push(b' ');
                rest = after;
            }
            (other, _) => {
                bytes.push(*other);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).to_lowercase()
}

/// A value as it stands in an address or a form.
pub fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        })
        .collect()
}

/// The addresses that a page leads to or sends to.
pub fn addresses(html: &str) -> String {
    let of = |name: &str| {
        let start = format!(" {name}=\"");
        let parts = html.split(&start).skip(1);
        parts.filter_map(|rest| rest.split('"').next().map(str::to_owned)).collect::<Vec<_>>()
    };
    [of("href"), of("action"), of("src")].concat().join("\n")
}

/// A page without what somebody typed into its own form, which is theirs to go on with, and without its addresses, which
/// carry the filters that they typed.
pub fn said(html: &str) -> String {
    let mut text = String::new();
    for (place, part) in html.split("<textarea").enumerate() {
        text.push_str(if place == 0 {
            part
        } else {
            part.split_once("</textarea>").map_or("", |(_, rest)| rest)
        });
    }
    for name in ["value", "href", "action"] {
        let mut without = String::new();
        for (place, part) in text.split(&format!(" {name}=\"")).enumerate() {
            without.push_str(if place == 0 {
                part
            } else {
                part.split_once('"').map_or("", |(_, rest)| rest)
            });
        }
        text = without;
    }
    text
}

#[test]
fn a_canary_is_found_however_it_is_written() {
    for text in [
        "it is ZEBEDEE quillfeather",
        "/nominals/Zebedee%20Quillfeather",
        "?name=zebedee+quillfeather&x=1",
        "{\"crn\":\"x777978\"}",
        "pnc 1999%2F0123456Z",
    ] {
        assert_eq!(found_in(text).len(), 1, "{text}");
    }
    assert!(found_in("Zebedee, heron, 1999, X77797").is_empty());
    let typed = "<input value=\"Zebedee Quillfeather\"><textarea>17 Marrowbone Yard</textarea><p>no</p>";
    assert_eq!((found_in(typed).len(), said(typed).as_str()), (2, "<input><p>no</p>"));
}
