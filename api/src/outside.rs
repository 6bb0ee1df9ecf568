//! What nobody outside may state: Mandate's own events and its own source (spec 2.1).

use mandate_domain::fact::Fact;

/// The source of Mandate's own events.
pub const OWN_SOURCE: &str = "/mandate";

/// Why a fact is never accepted from outside, if it is not.
#[must_use]
pub fn refusal(fact: &Fact) -> Option<Reserved> {
    let below = fact.source.strip_prefix(OWN_SOURCE);
    if below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) {
        return Some(Reserved {
            field: "source",
            reason: "`/mandate` is Mandate itself; state the fact under your own source".to_owned(),
        });
    }
    if fact.kind.is_internal() {
        let reason = format!("`{}` is recorded by Mandate itself and never accepted from outside", fact.kind);
        return Some(Reserved { field: "type", reason });
    }
    None
}

/// A source or a type that is Mandate's own.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("field `{field}`: {reason}")]
pub struct Reserved {
    /// The field that names it.
    pub field: &'static str,
    /// Why it is refused.
    pub reason: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(source: &str, kind: &str, subject: &str, data: &str) -> Option<&'static str> {
        let text = format!(
            r#"{{"specversion":"1.0","id":"e","source":"{source}","type":"{kind}","subject":"{subject}","time":"2026-03-02T09:00:00Z","data":{data}}}"#
        );
        refusal(&Fact::parse(&text).unwrap()).map(|reserved| reserved.field)
    }

    #[test]
    fn mandates_own_source_and_types_are_refused_and_others_are_not() {
        assert_eq!(refused("/mandate", "nominal.died", "nominal/N1", "{}"), Some("source"));
        assert_eq!(refused("/mandate/x", "nominal.died", "nominal/N1", "{}"), Some("source"));
        assert_eq!(refused("/mandated", "nominal.died", "nominal/N1", "{}"), None);
        assert_eq!(refused("/t", "breach.assigned", "duty/d", r#"{"to":"user/u"}"#), Some("type"));
        assert_eq!(refused("/t", "nominal.died", "nominal/N1", "{}"), None);
    }
}
