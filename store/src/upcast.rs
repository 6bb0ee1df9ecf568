//! Payloads of older layouts, brought to the present one when read; what is stored is never rewritten.
//!
//! A change to the layout of an event type is a new version in [`EVENT_VERSION`], an entry in [`STEPS`] that brings
//! the version before to it, and a sample of the version before in `tests/corpus`, which is kept for good.

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::leaf::EVENT_VERSION;

/// One step: the events of a type that were written with a version become those of the next version.
pub(crate) struct Step {
    /// The type, or `None` for every type.
    event_type: Option<&'static str>,
    /// The version it reads.
    from: &'static str,
    /// The version it makes.
    to: &'static str,
    /// Changes the CloudEvent in place.
    change: fn(&mut Map<String, Value>),
}

/// Every step there ever was, oldest first.
const STEPS: &[Step] = &[];

/// The payload in the present layout.
///
/// # Errors
/// What is wrong with it: a version that no step reads, or a text that is not a JSON object.
pub(crate) fn to_present<'p>(
    event_type: &str,
    version: &str,
    payload: &'p str,
) -> Result<Cow<'p, str>, String> {
    climb(STEPS, EVENT_VERSION, event_type, version, payload)
}

fn climb<'p>(
    steps: &[Step],
    present: &str,
    event_type: &str,
    version: &str,
    payload: &'p str,
) -> Result<Cow<'p, str>, String> {
    if version == present {
        return Ok(Cow::Borrowed(payload));
    }
    let mut event: Map<String, Value> = serde_json::from_str(payload)
        .map_err(|error| format!("its payload is not a JSON object: {error}"))?;
    let mut reached = version;
    for step in steps {
        let concerned = step.event_type.is_none_or(|wanted| wanted == event_type);
        if concerned && step.from == reached {
            (step.change)(&mut event);
            reached = step.to;
        }
    }
    if reached != present {
        return Err(format!(
            "layout `{version}`, this program reads up to `{present}`; run the newer program that wrote it"
        ));
    }
    serde_json::to_string(&event).map(Cow::Owned).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rename(event: &mut Map<String, Value>, from: &str, to: &str) {
        let value = event.remove(from).unwrap();
        event.insert(to.to_owned(), value);
    }

    const TWO_STEPS: &[Step] = &[
        Step { event_type: None, from: "0.8", to: "0.9", change: |event| rename(event, "who", "subject") },
        Step {
            event_type: Some("a.b"),
            from: "0.9",
            to: "1.0",
            change: |event| rename(event, "when", "time"),
        },
        Step { event_type: Some("c.d"), from: "0.9", to: "1.0", change: |_| {} },
    ];

    #[test]
    fn steps_follow_one_another_and_each_type_takes_its_own() {
        let old = r#"{"who":"nominal/N-1","when":"noon"}"#;
        let climbed = |kind, from| climb(TWO_STEPS, "1.0", kind, from, old).unwrap();
        assert_eq!(climbed("a.b", "0.8"), r#"{"subject":"nominal/N-1","time":"noon"}"#);
        assert_eq!(climbed("c.d", "0.8"), r#"{"subject":"nominal/N-1","when":"noon"}"#);
        assert_eq!(climbed("a.b", "1.0"), old);
    }

    #[test]
    fn a_version_that_no_step_reads_is_named() {
        let refused = to_present("nominal.died", "9.0", "{}").unwrap_err();
        assert_eq!(
            refused,
            "layout `9.0`, this program reads up to `1.0`; run the newer program that wrote it"
        );
        assert!(climb(TWO_STEPS, "1.0", "a.b", "0.8", "[]").unwrap_err().starts_with("its payload is not"));
    }
}
