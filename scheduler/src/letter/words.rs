//! Names and days as mails write them.

use mandate_domain::judge::DutyId;
use mandate_domain::time::{Date, in_words};

/// An organisation in words: `area A07`, `prison group G1`; `no known holder` for none.
pub(crate) fn place(organisation: Option<&str>) -> String {
    match organisation.map(|id| id.split_once('/').unwrap_or(("", id))) {
        Some(("", id)) => id.to_owned(),
        Some((kind, id)) => format!("{} {id}", kind.replace('-', " ")),
        None => "no known holder".to_owned(),
    }
}

/// Whom a duty is about: the opaque reference of a nominal or a user, anything else in words.
pub(crate) fn who(subject: &str) -> String {
    match subject.split_once('/') {
        Some(("nominal" | "user", id)) => id.to_owned(),
        Some(_) | None => place(Some(subject)),
    }
}

/// The subject that a duty id names; the whole where it is none.
pub(crate) fn subject_of(duty: &str) -> &str {
    DutyId::parse(duty).map_or(duty, |id| id.subject)
}

/// The rule that a duty id names.
pub(crate) fn rule_of(duty: &str) -> &str {
    duty.split_once(':').map_or(duty, |(rule, _)| rule)
}

/// A date without its year, for a subject line: `Friday 6 March`.
pub(crate) fn without_year(date: Date) -> String {
    let words = in_words(date);
    words.rsplit_once(' ').map_or_else(|| words.clone(), |(day, _)| day.to_owned())
}

/// `a`, `a or b`, `a, b or c`.
pub(crate) fn either(words: &[String]) -> String {
    match words.split_last() {
        None => String::new(),
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn organisations_and_people_are_named_by_kind_and_reference_alone() {
        assert_eq!(place(Some("area/A07")), "area A07");
        assert_eq!(place(Some("prison-group/G1")), "prison group G1");
        assert_eq!(place(None), "no known holder");
        assert_eq!(who("nominal/N-7F3K29QX"), "N-7F3K29QX");
        assert_eq!(who("user/U-1"), "U-1");
        assert_eq!(who("prison/LEI"), "prison LEI");
    }

    #[test]
    fn a_duty_id_names_its_rule_and_its_subject() {
        assert_eq!(subject_of("4.10:nominal/N1:/ndelius#e1"), "nominal/N1");
        assert_eq!(rule_of("4.10:nominal/N1:/ndelius#e1"), "4.10");
        assert_eq!(subject_of("4.10:nominal/N:1:/ndelius#e1"), "nominal/N:1");
        assert_eq!(subject_of("4.10:nominal/N1:urn:x#e1"), "nominal/N1");
        assert_eq!(subject_of("odd"), "odd");
    }

    #[test]
    fn lists_end_in_or() {
        let words = |list: &[&str]| either(&list.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
        assert_eq!(words(&[]), "");
        assert_eq!(words(&["a"]), "a");
        assert_eq!(words(&["a", "b"]), "a or b");
        assert_eq!(words(&["a", "b", "c"]), "a, b or c");
        assert_eq!(without_year(Date::parse("2026-03-06").unwrap()), "Friday 6 March");
    }
}
