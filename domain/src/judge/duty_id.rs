//! Ids of duties.

/// A duty id, or what is told in the form of one, taken apart: `<rule>:<subject>:<source>#<id>`, with `:<date>` for `every`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DutyId<'d> {
    /// The rule.
    pub rule: &'d str,
    /// Whom the duty is about.
    pub subject: &'d str,
    /// The fact that opened it: `<source>#<id>`, with the date of an `every` rule.
    pub opener: &'d str,
}

impl<'d> DutyId<'d> {
    /// Takes an id apart, the same way whatever else is known: a subject, which may hold colons itself, ends where a source
    /// begins with a slash, as sources do; where none does, at the first colon.
    #[must_use]
    pub fn parse(id: &'d str) -> Option<Self> {
        let (rule, rest) = id.split_once(':')?;
        // The colon of a source such as `https://example` is no end of a subject.
        let is_path = |at: &usize| rest.get(*at..).is_some_and(|end| !end.starts_with("://"));
        let end = rest.match_indices(":/").map(|(at, _)| at).find(is_path).or_else(|| rest.find(':'))?;
        Some(Self { rule, subject: rest.get(..end)?, opener: rest.get(end + 1..)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duty_id_is_taken_apart_where_its_subject_ends() {
        for (id, rule, subject, opener) in [
            ("4.10:nominal/N1:/ndelius#e1", "4.10", "nominal/N1", "/ndelius#e1"),
            ("5.12:prison/LEI:/nomis#e1:2026-03-02", "5.12", "prison/LEI", "/nomis#e1:2026-03-02"),
            ("4.10:nominal/N:1:/ndelius#e1", "4.10", "nominal/N:1", "/ndelius#e1"),
            ("4.10:nominal/N#1:/ndelius#e1", "4.10", "nominal/N#1", "/ndelius#e1"),
            ("4.10:nominal/N1:urn:x#e1", "4.10", "nominal/N1", "urn:x#e1"),
            ("4.10:nominal/N1:https://x.example#e1", "4.10", "nominal/N1", "https://x.example#e1"),
            ("4.10:nominal/a:b#c:/ndelius#e1", "4.10", "nominal/a:b#c", "/ndelius#e1"),
        ] {
            assert_eq!(DutyId::parse(id), Some(DutyId { rule, subject, opener }), "{id}");
        }
        for odd in ["", "4.10", "4.10:nominal/N1"] {
            assert_eq!(DutyId::parse(odd), None, "{odd}");
        }
    }
}
