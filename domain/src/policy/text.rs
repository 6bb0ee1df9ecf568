//! Comparing quotes with the framework's text.

/// The text without link targets, asterisks and tags, with white space folded to single spaces.
///
/// `**one** [two](target)  <b>three</b>` becomes `one two three`.
#[must_use]
pub fn normalised(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let after = rest.get(c.len_utf8()..).unwrap_or("");
        rest = match c {
            '*' | '[' => after,
            '<' => match tag_end(after) {
                Some(end) => after.get(end..).unwrap_or(""),
                None => {
                    plain.push(c);
                    after
                }
            },
            ']' => match after.strip_prefix('(').and_then(|target| target.split_once(')')) {
                Some((_, beyond)) => beyond,
                None => after,
            },
            c => {
                plain.push(c);
                after
            }
        };
    }
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Where the tag that begins after `<` ends, if it is one.
fn tag_end(after: &str) -> Option<usize> {
    let named = after.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/');
    if named { after.find('>').map(|at| at + 1) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_asterisks_and_tags_are_dropped_and_white_space_folded() {
        assert_eq!(normalised("**one** [two](x (y)\n  <b>three</b> 3 < 4"), "one two three 3 < 4");
        assert_eq!(normalised("a [link](#) b"), "a link b");
    }

    #[test]
    fn the_framework_holds_the_quote_of_4_10_across_its_line_breaks() {
        let text = normalised(include_str!("../../policy/text.txt"));
        assert!(text.contains("within 5 days of registration at level 2 or 3"));
        assert!(!text.contains("within 6 days of registration"));
    }
}
