//! Addresses and machine limits; what is mailed to whom, and when, is not set here.

use std::path::PathBuf;
use std::time::Duration;

use lettre::Address;
use lettre::message::Mailbox;
use mandate_domain::fact::{Newlines, forbidden_character};

use crate::error::SettingsError;
use crate::schedule::Schedule;

/// The user told when nobody holds the post that answers, where none is named.
pub const ADMINISTRATOR: &str = "user/administrator";

/// How the scheduler is run.
#[derive(Debug, Clone)]
pub struct Settings {
    pub(crate) base_url: String,
    pub(crate) from: Mailbox,
    pub(crate) domains: AllowedDomains,
    pub(crate) fallback: Fallback,
    pub(crate) batch: u32,
    pub(crate) mails: u32,
    pub(crate) per_minute: u32,
    pub(crate) schedules: Schedules,
    pub(crate) outbox: Option<PathBuf>,
    pub(crate) nodes: Nodes,
    pub(crate) node: String,
    pub(crate) lease: Duration,
}

/// How many programs may send the mails of this log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nodes {
    /// This one: an attempt without an outcome was cut short by its end.
    One,
    /// Several: an attempt without an outcome may be going on elsewhere, for a while.
    Several,
}

/// When mails of the clock are due; none turns one off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedules {
    /// The digest, for those who have not chosen a time of their own.
    pub digest: Option<Schedule>,
    /// The days on which the digest comes even if it has nothing to say.
    pub nothing_due: Option<Schedule>,
    /// The week of a team.
    pub team: Option<Schedule>,
    /// The quarter in figures.
    pub quarterly: Option<Schedule>,
    /// Whether the administrator is told when something is wrong with Mandate itself.
    pub watch: bool,
}

impl Schedules {
    /// None of them.
    #[must_use]
    pub const fn none() -> Self {
        Self { digest: None, nothing_due: None, team: None, quarterly: None, watch: false }
    }

    /// Working mornings, Mondays, and the first of each quarter.
    ///
    /// # Errors
    /// Never in a released build: a test reads them.
    pub fn usual() -> Result<Self, SettingsError> {
        Ok(Self {
            digest: Some(Schedule::parse("0 30 7 * * Mon-Fri")?),
            nothing_due: Some(Schedule::parse("0 30 7 * * Mon")?),
            team: Some(Schedule::parse("0 0 8 * * Mon")?),
            quarterly: Some(Schedule::parse("0 0 9 1 Jan,Apr,Jul,Oct *")?),
            watch: true,
        })
    }
}

/// Who is told when nobody holds the post that answers, or when a mail to who does cannot be delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fallback {
    /// A user by full id.
    pub user: String,
    /// The address to use while the log has none for this user.
    pub address: Option<String>,
}

impl Default for Fallback {
    fn default() -> Self {
        Self { user: ADMINISTRATOR.to_owned(), address: None }
    }
}

/// The domains to which mail may go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedDomains(Vec<Pattern>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Pattern {
    Any,
    Exactly(String),
    Below(String),
}

impl AllowedDomains {
    /// Reads patterns: `justice.gov.uk` (that domain), `*.gov.uk` (every domain below it), `*` (every domain).
    ///
    /// # Errors
    /// [`SettingsError`] for a pattern of another form.
    pub fn new<P: AsRef<str>>(patterns: impl IntoIterator<Item = P>) -> Result<Self, SettingsError> {
        let read = |pattern: P| {
            let text = pattern.as_ref().trim().to_ascii_lowercase();
            let (domain, found) = match text.strip_prefix("*.") {
                Some(domain) => (domain, Pattern::Below(format!(".{domain}"))),
                None if text == "*" => return Ok(Pattern::Any),
                None => (text.as_str(), Pattern::Exactly(text.clone())),
            };
            let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
            if domain.is_empty() || !domain.chars().all(plain) {
                let reason = format!("`{text}`: expected a domain, `*.` and a domain, or `*`");
                return Err(SettingsError::new("allowed domains", reason));
            }
            Ok(found)
        };
        patterns.into_iter().map(read).collect::<Result<_, _>>().map(Self)
    }

    /// Whether mail may go to an address of this domain.
    #[must_use]
    pub fn allows(&self, domain: &str) -> bool {
        let domain = domain.to_ascii_lowercase();
        self.0.iter().any(|pattern| match pattern {
            Pattern::Any => true,
            Pattern::Exactly(allowed) => domain == *allowed,
            Pattern::Below(ending) => domain.ends_with(ending),
        })
    }
}

impl Default for AllowedDomains {
    /// Government and police.
    fn default() -> Self {
        let below = |ending: &str| Pattern::Below(ending.to_owned());
        Self(vec![below(".gov.uk"), below(".police.uk")])
    }
}

impl Settings {
    /// Settings with the address under which the pages are reached and the sender of every mail, such as
    /// `Mandate <mandate@justice.gov.uk>`.
    ///
    /// # Errors
    /// [`SettingsError`] naming the one that cannot be used.
    pub fn new(base_url: &str, from: &str) -> Result<Self, SettingsError> {
        let base_url = base_url.trim_end_matches('/').to_owned();
        let web = base_url.starts_with("https://") || base_url.starts_with("http://");
        if !web || base_url.contains(char::is_whitespace) || !is_plain(&base_url) {
            let reason = format!("`{base_url}`: expected an address such as https://mandate.example.gov.uk");
            return Err(SettingsError::new("base url", reason));
        }
        let wrong = |reason: String| SettingsError::new("from", reason);
        if !is_plain(from) {
            return Err(wrong("holds a control or bidirectional character".to_owned()));
        }
        let from: Mailbox = from.parse().map_err(|_| {
            wrong(format!("`{from}`: expected an address such as Mandate <mandate@justice.gov.uk>"))
        })?;
        Ok(Self {
            base_url,
            from,
            domains: AllowedDomains::default(),
            fallback: Fallback::default(),
            batch: 5_000,
            mails: 500,
            per_minute: 600,
            schedules: Schedules::usual()?,
            outbox: None,
            nodes: Nodes::One,
            node: "node".to_owned(),
            lease: Duration::from_secs(10),
        })
    }

    /// The same with other domains to which mail may go.
    #[must_use]
    pub fn with_domains(self, domains: AllowedDomains) -> Self {
        Self { domains, ..self }
    }

    /// The same with another person who is told when nobody else can be.
    #[must_use]
    pub fn with_fallback(self, fallback: Fallback) -> Self {
        Self { fallback, ..self }
    }

    /// The same with other limits: duties asked for at once (1 to 10,000), mails sent in one pass (at least 1).
    #[must_use]
    pub fn with_limits(self, batch: u32, mails: u32) -> Self {
        Self { batch: batch.clamp(1, 10_000), mails: mails.max(1), ..self }
    }

    /// The same with another number of mails that may leave in a minute (at least 1).
    #[must_use]
    pub fn with_rate(self, per_minute: u32) -> Self {
        Self { per_minute: per_minute.max(1), ..self }
    }

    /// The same with other mails of the clock.
    #[must_use]
    pub fn with_schedules(self, schedules: Schedules) -> Self {
        Self { schedules, ..self }
    }

    /// The same keeping the bytes of each mail in a folder from before it is sent until its outcome is known, so that one
    /// sent again is the same.
    #[must_use]
    pub fn with_outbox(self, folder: impl Into<PathBuf>) -> Self {
        Self { outbox: Some(folder.into()), ..self }
    }

    /// The same for a log whose mails several programs may send.
    #[must_use]
    pub fn with_nodes(self, nodes: Nodes) -> Self {
        Self { nodes, ..self }
    }

    /// The same for a node of this name, such as its machine's; another takes its place when it was not heard of for so
    /// long (at least a second).
    #[must_use]
    pub fn with_node(self, node: &str, lease: Duration) -> Self {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
        let node: String = node.chars().filter(|c| plain(*c)).take(64).collect();
        let node = if node.is_empty() { self.node } else { node };
        Self { node, lease: lease.max(Duration::from_secs(1)), ..self }
    }

    /// The address that envelopes come from.
    pub(crate) fn sender(&self) -> &Address {
        &self.from.email
    }
}

fn is_plain(text: &str) -> bool {
    forbidden_character(text, Newlines::Refused).is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_allows_its_own_domain_or_those_below_it() {
        let domains = AllowedDomains::new(["justice.gov.uk", "*.police.uk"]).unwrap();
        for (domain, allowed) in [
            ("justice.gov.uk", true),
            ("Justice.Gov.UK", true),
            ("evil-justice.gov.uk", false),
            ("mail.justice.gov.uk", false),
            ("kent.police.uk", true),
            ("police.uk", false),
            ("notpolice.uk", false),
            ("police.uk.example.com", false),
        ] {
            assert_eq!(domains.allows(domain), allowed, "{domain}");
        }
        assert!(AllowedDomains::new(["*"]).unwrap().allows("example.com"));
        assert!(!AllowedDomains::new([""; 0]).unwrap().allows("justice.gov.uk"));
    }

    #[test]
    fn patterns_of_another_form_are_refused() {
        for pattern in ["", "*.", "a b", "*.gov.uk\r\n", "**"] {
            assert!(pattern.trim() == "*.gov.uk" || AllowedDomains::new([pattern]).is_err(), "{pattern:?}");
        }
    }

    #[test]
    fn settings_refuse_addresses_that_could_break_a_header() {
        assert!(Settings::new("https://m.example", "Mandate <m@example.gov.uk>").is_ok());
        for (base_url, from) in [
            ("ftp://m.example", "m@example.gov.uk"),
            ("https://m.example/\r\nBcc: x", "m@example.gov.uk"),
            ("https://m.example", "m@example.gov.uk\r\nBcc: x@example.com"),
            ("https://m.example", "nobody"),
        ] {
            assert!(Settings::new(base_url, from).is_err(), "{base_url:?} {from:?}");
        }
    }
}
