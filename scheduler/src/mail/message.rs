//! The message: headers that follow from the notice, text part first, the same bytes whenever it is composed.

use std::time::{Duration, SystemTime};

use lettre::Address;
use lettre::message::header::{ContentTransferEncoding, ContentType, Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message, MultiPart, MultiPartKind, SinglePart};
use mandate_domain::fact::{Newlines, forbidden_character};
use mandate_domain::time::Instant;

use crate::letter::Letter;

/// From whom, to whom and when.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Envelope<'a> {
    /// The notice's id, of which the Message-ID is made.
    pub notice: &'a str,
    pub from: &'a Mailbox,
    pub to: &'a Address,
    pub queued_at: Instant,
}

/// Why a letter cannot be put into a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ComposeError {
    #[error("the {0} holds a control or bidirectional character")]
    Character(&'static str),
    #[error("the headers cannot be written")]
    Headers,
}

/// The message in bytes.
///
/// Date and boundary follow from the notice, the bodies are quoted-printable, and control characters are refused, so
/// that nothing in a letter can end a header or the message.
pub(crate) fn compose(envelope: Envelope<'_>, letter: &Letter) -> Result<Vec<u8>, ComposeError> {
    for (part, text, newlines) in [
        ("subject", &letter.subject, Newlines::Refused),
        ("text part", &letter.text, Newlines::Allowed),
        ("HTML part", &letter.html, Newlines::Allowed),
    ] {
        if forbidden_character(text, newlines).is_some() || text.contains('\r') {
            return Err(ComposeError::Character(part));
        }
    }
    let domain = envelope.from.email.domain();
    let mut builder = Message::builder()
        .from(envelope.from.clone())
        .to(Mailbox::new(None, envelope.to.clone()))
        .subject(&letter.subject)
        .date(system_time(envelope.queued_at))
        .message_id(Some(message_id(envelope.notice, domain)))
        .header(AutoSubmitted);
    if let Some(first) = letter.continues.first() {
        let threads: Vec<_> = letter.continues.iter().map(|notice| message_id(notice, domain)).collect();
        builder = builder.in_reply_to(message_id(first, domain)).references(threads.join(" "));
    }
    let part = |kind: ContentType, text: &str| {
        SinglePart::builder()
            .header(kind)
            .header(ContentTransferEncoding::QuotedPrintable)
            .body(text.replace('\n', "\r\n"))
    };
    let parts = MultiPart::builder()
        .kind(MultiPartKind::Alternative)
        .boundary(format!("=_{}", envelope.notice))
        .singlepart(part(ContentType::TEXT_PLAIN, &letter.text))
        .singlepart(part(ContentType::TEXT_HTML, &letter.html));
    let message = builder.multipart(parts).map_err(|_| ComposeError::Headers)?;
    Ok(message.formatted())
}

/// `<notice@domain>`.
fn message_id(notice: &str, domain: &str) -> String {
    format!("<{notice}@{domain}>")
}

/// The instant in whole seconds; before 1970 the beginning of 1970.
fn system_time(at: Instant) -> SystemTime {
    let seconds = u64::try_from(at.nanos() / 1_000_000_000).unwrap_or(0);
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

/// `Auto-Submitted: auto-generated` (RFC 3834): no programme answers it.
#[derive(Debug, Clone, Copy)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(subject: &str, text: &str) -> Letter {
        Letter {
            subject: subject.to_owned(),
            text: text.to_owned(),
            html: "<p>é</p>\n".to_owned(),
            continues: vec!["n-0".to_owned()],
            held_by: std::collections::BTreeSet::new(),
            sight: crate::recipients::Sight::Open,
        }
    }

    fn composed(letter: &Letter) -> Result<Vec<u8>, ComposeError> {
        let from: Mailbox = "Mandate <mandate@example.gov.uk>".parse().unwrap();
        let to: Address = "cpc@example.gov.uk".parse().unwrap();
        let queued_at = Instant::parse("2026-03-08T00:00:01.5Z").unwrap();
        compose(Envelope { notice: "n-1", from: &from, to: &to, queued_at }, letter)
    }

    #[test]
    fn a_letter_gives_the_same_bytes_each_time_in_ascii_with_every_header() {
        let letter = letter("Breach: N-1, paragraph 4.10", "One\n.\nTwo é\n");
        let bytes = composed(&letter).unwrap();
        assert_eq!(bytes, composed(&letter).unwrap());
        assert!(bytes.is_ascii());
        let text = String::from_utf8(bytes).unwrap();
        for line in [
            "From: Mandate <mandate@example.gov.uk>",
            "To: cpc@example.gov.uk",
            "Date: Sun, 08 Mar 2026 00:00:01 +0000",
            "Message-ID: <n-1@example.gov.uk>",
            "In-Reply-To: <n-0@example.gov.uk>",
            "References: <n-0@example.gov.uk>",
            "Auto-Submitted: auto-generated",
            "MIME-Version: 1.0",
            "Content-Transfer-Encoding: quoted-printable",
        ] {
            assert!(text.contains(&format!("{line}\r\n")), "{line} is missing from\n{text}");
        }
        assert!(text.find("text/plain") < text.find("text/html"));
        assert!(!text.replace("\r\n", "").contains(['\r', '\n']), "bare line ends");
    }

    #[test]
    fn control_and_bidirectional_characters_are_refused() {
        for (subject, text) in [
            ("Breach\r\nBcc: x@example.com", "ok"),
            ("Breach\nX: y", "ok"),
            ("Breach", "a\u{0}b"),
            ("Breach", "a\r\n.\r\nMAIL FROM:<x>"),
            ("Breach \u{202e}", "ok"),
        ] {
            assert!(
                matches!(composed(&letter(subject, text)), Err(ComposeError::Character(_))),
                "{subject:?} {text:?}"
            );
        }
    }
}
