//! Who may state facts: bearer tokens from a file, each with the sources and types that it may state.
//!
//! The file holds the SHA-256 of each token, never the token.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use mandate_domain::catalogue::{FactType, Field, SubjectKind};
use mandate_domain::fact::{Fact, Newlines, Value, forbidden_character, looks_personal, repeated};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::outside;

/// What stands in a token file, for help and errors.
pub const HELP: &str = r#"A token file is TOML, readable by its owner only (chmod 600), one table for each client:

  [[token]]
  name = "ndelius-feed"         # an opaque id, kept with every fact that it states
  sha256 = "9f86d0…"            # of the token; `mandate token` makes one
  sources = ["/ndelius"]        # the sources it may state; "/visor/*" allows every source below
  types = ["mappa.*"]           # the types it may state; left out: every type
  import = false                # whether its `recordedtime` is accepted

A machine that reads says what:

  [[token]]
  name = "dashboard"
  sha256 = "…"
  read = true                   # duties, nominals, registers, reports; limited records stay hidden
  read_log = true               # the whole log and its proofs

A person's token names the user as whom commands are given with it, and needs no sources:

  [[token]]
  name = "una"
  sha256 = "…"
  user = "user/U-7F3K29QX"      # `mandate token una --user user/U-7F3K29QX`

One for a person's calendar stands in the address of the feed, and opens nothing else:

  [[token]]
  name = "una-calendar"
  sha256 = "…"
  user = "user/U-7F3K29QX"
  calendar = true               # `mandate token una-calendar --user user/U-7F3K29QX --calendar`

One for requests of subject access opens everything that is held of a person, and nothing else:

  [[token]]
  name = "subject-access"
  sha256 = "…"
  subject_access = true         # `mandate token subject-access --subject-access`"#;

/// Why a token file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TokensError {
    /// It cannot be read.
    #[error("{path}: cannot read the token file: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// Others can read it.
    #[error("{path}: others can read the token file (mode {mode:03o}); run `chmod 600` on it")]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It has another form.
    #[error("{path}: {reason}")]
    Form {
        /// The file.
        path: PathBuf,
        /// What is wrong and what would be right.
        reason: String,
    },
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default, rename = "token")]
    tokens: Vec<Entry>,
}

/// What is stated of one client.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    name: String,
    sha256: String,
    #[serde(default)]
    sources: Vec<String>,
    types: Option<Vec<String>>,
    #[serde(default)]
    import: bool,
    user: Option<String>,
    #[serde(default)]
    calendar: bool,
    #[serde(default)]
    subject_access: bool,
    #[serde(default)]
    read: bool,
    #[serde(default)]
    read_log: bool,
}

/// The clients that may state facts.
#[derive(Debug, Default)]
pub struct Tokens(Vec<Client>);

/// One client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// Its opaque id.
    pub name: String,
    digest: [u8; 32],
    sources: Vec<String>,
    types: Option<Vec<String>>,
    import: Import,
    user: Option<String>,
    opens: Opens,
    reads: Reads,
}

/// What a machine may read; a person reads by the rights of the user.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reads {
    /// Duties, nominals, registers and reports, but for records of limited access.
    pub state: bool,
    /// The whole log and its proofs, but for records of limited access.
    pub log: bool,
}

/// What a token opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opens {
    /// What its client or person may do.
    Everything,
    /// The calendar feed of its person, and nothing else.
    Calendar,
    /// What is held of a person who asks for it, and nothing else.
    SubjectAccess,
}

/// Whether the caller's claims of when a fact was recorded are accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Import {
    /// They are.
    Allowed,
    /// They are not.
    Refused,
}

/// Something a client may not state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("field `{field}`: {reason}")]
pub struct NotAllowed {
    /// The field that shows it.
    pub field: &'static str,
    /// Why.
    pub reason: String,
}

impl Tokens {
    /// Reads a token file.
    ///
    /// # Errors
    /// [`TokensError`] naming the file and what is wrong.
    pub fn read(path: &Path) -> Result<Self, TokensError> {
        let wrong = |source| TokensError::Read { path: path.to_owned(), source };
        let mode = std::fs::metadata(path).map_err(wrong)?.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(TokensError::Exposed { path: path.to_owned(), mode });
        }
        let text = std::fs::read_to_string(path).map_err(wrong)?;
        Self::parse(&text).map_err(|reason| TokensError::Form { path: path.to_owned(), reason })
    }

    fn parse(text: &str) -> Result<Self, String> {
        let file: File = toml::from_str(text).map_err(|error| error.to_string())?;
        file.tokens.into_iter().map(Client::of).collect::<Result<_, _>>().map(Self)
    }

    /// The client whose token this is, but for those that stand in the address of a calendar.
    #[must_use]
    pub fn client(&self, token: &str) -> Option<&Client> {
        let digest: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        // Digests of secrets are compared: how long it takes tells nothing of the secret.
        self.0.iter().find(|client| client.digest == digest && client.opens != Opens::Calendar)
    }

    /// The user whose calendar feed a token opens.
    #[must_use]
    pub fn calendar_of(&self, token: &str) -> Option<&str> {
        let digest: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        let found = self.0.iter().find(|client| client.digest == digest && client.opens == Opens::Calendar);
        found.and_then(Client::user)
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len()
    }
}

impl Client {
    fn of(entry: Entry) -> Result<Self, String> {
        let digest = decode(&entry.sha256).ok_or_else(|| {
            let name = &entry.name;
            format!("token `{name}`: sha256: expected 64 hexadecimal digits; `mandate token` makes one")
        })?;
        Self::with(entry, digest)
    }

    fn with(entry: Entry, digest: [u8; 32]) -> Result<Self, String> {
        let Entry { name, sources, types, import, user, calendar, subject_access, read, read_log, .. } =
            entry;
        if name.is_empty() || looks_personal(&name) || forbidden_character(&name, Newlines::Refused).is_some()
        {
            return Err(format!("name = {name:?}: expected an opaque id without control characters"));
        }
        if let Some(user) = &user
            && SubjectKind::of(user) != Some(SubjectKind::User)
        {
            return Err(format!(
                "token `{name}`: user = {user:?}: expected the full id of a user, such as \"user/U-1\""
            ));
        }
        let needs_sources = user.is_none() && !subject_access && !read && !read_log;
        if (sources.is_empty() && needs_sources) || sources.iter().any(String::is_empty) {
            return Err(format!("token `{name}`: sources: expected at least one, such as \"/ndelius\""));
        }
        for pattern in types.iter().flatten() {
            let known =
                FactType::ALL.iter().any(|kind| !kind.is_internal() && matches(pattern, kind.name(), '.'));
            if !known {
                return Err(format!("token `{name}`: types: `{pattern}` is no type that may be stated"));
            }
        }
        if calendar && user.is_none() {
            return Err(format!("token `{name}`: calendar: it needs the user whose calendar it opens"));
        }
        let import = if import { Import::Allowed } else { Import::Refused };
        if user.is_some() && (read || read_log) {
            return Err(format!("token `{name}`: read: a person reads by the rights of the user"));
        }
        if subject_access && (calendar || user.is_some() || !sources.is_empty() || read || read_log) {
            return Err(format!("token `{name}`: subject_access: it goes with nothing else"));
        }
        let opens = match (calendar, subject_access) {
            (true, _) => Opens::Calendar,
            (false, true) => Opens::SubjectAccess,
            (false, false) => Opens::Everything,
        };
        Ok(Self {
            name,
            digest,
            sources,
            types,
            import,
            user,
            opens,
            reads: Reads { state: read, log: read_log },
        })
    }

    /// A machine that an issuer names, by what it may state here.
    ///
    /// # Errors
    /// Naming the client and what is wrong.
    pub fn of_machine(id: &str, sources: &[String], types: Option<&[String]>) -> Result<Self, String> {
        let (name, sources, types) = (id.to_owned(), sources.to_vec(), types.map(<[String]>::to_vec));
        // No token of the file is this one: the issuer's are told apart by their signature.
        Self::with(Entry { name, sources, types, ..Entry::default() }, [0; 32])
    }

    /// A machine that may do nothing yet.
    #[must_use]
    pub fn nothing(id: &str) -> Self {
        Self {
            name: id.to_owned(),
            digest: [0; 32],
            sources: Vec::new(),
            types: None,
            import: Import::Refused,
            user: None,
            opens: Opens::Everything,
            reads: Reads::default(),
        }
    }

    /// A person who signed in, who states nothing in the name of a source.
    #[must_use]
    pub fn of_user(user: &str) -> Self {
        Self { user: Some(user.to_owned()), ..Self::nothing(user) }
    }

    /// The same with what its claims of recording are worth, what it may read, and what it opens.
    #[must_use]
    pub fn with_roles(self, import: Import, reads: Reads, opens: Opens) -> Self {
        Self { import, opens, reads, ..self }
    }

    /// What it may read, for a machine.
    #[must_use]
    pub const fn reads(&self) -> Reads {
        self.reads
    }

    /// What it opens.
    #[must_use]
    pub const fn opens(&self) -> Opens {
        self.opens
    }

    /// A client that may state anything that is accepted from outside; for the demonstration.
    #[must_use]
    pub fn anyone(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            digest: [0; 32],
            sources: vec!["*".to_owned()],
            types: None,
            import: Import::Allowed,
            user: None,
            opens: Opens::Everything,
            reads: Reads { state: true, log: true },
        }
    }

    /// The user as whom commands are given with it, for a person's token.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// Whether its claims of when a fact was recorded are accepted.
    #[must_use]
    pub const fn import(&self) -> Import {
        self.import
    }

    /// Whether it may state a fact.
    ///
    /// # Errors
    /// [`NotAllowed`] naming the field.
    pub fn may_state(&self, fact: &Fact) -> Result<(), NotAllowed> {
        if let Some(reserved) = outside::refusal(fact) {
            return Err(NotAllowed { field: reserved.field, reason: reserved.reason });
        }
        if !self.states(&fact.source) {
            let reason = format!("this token may not state the source `{}`", repeated(&fact.source));
            return Err(NotAllowed { field: "source", reason });
        }
        let kind = fact.kind.name();
        if let Some(types) = &self.types
            && !types.iter().any(|pattern| matches(pattern, kind, '.'))
        {
            return Err(NotAllowed { field: "type", reason: format!("this token may not state `{kind}`") });
        }
        if let (FactType::FactAnnulled, Some(Value::Event(named))) = (fact.kind, fact.get(Field::Event))
            && !self.states(&named.0)
        {
            let reason = "this token may annul facts of its own sources only".to_owned();
            return Err(NotAllowed { field: "data.event", reason });
        }
        if fact.recorded.is_some() && self.import == Import::Refused {
            let reason = "needs the import right, which this token has not; leave it out".to_owned();
            return Err(NotAllowed { field: "recordedtime", reason });
        }
        Ok(())
    }

    /// Whether it may tell anything under a source.
    #[must_use]
    pub fn states(&self, source: &str) -> bool {
        self.sources.iter().any(|pattern| matches(pattern, source, '/'))
    }
}

/// Whether a name is the one of a pattern, or lies below a pattern that ends in the separator and `*`.
pub(crate) fn matches(pattern: &str, name: &str, separator: char) -> bool {
    match pattern.strip_suffix('*') {
        Some("") => true,
        Some(start) => start.ends_with(separator) && name.starts_with(start),
        None => pattern == name,
    }
}

/// A new token and what is to stand in the file for it.
///
/// # Errors
/// When the system gives no random bytes.
pub fn make(name: &str, sources: &[String], import: Import) -> std::io::Result<(String, String)> {
    let token = format!("mandate_{}", hex(&crate::random::bytes::<32>()?));
    let sources: Vec<String> = sources.iter().map(|source| format!("{source:?}")).collect();
    let entry = format!(
        "[[token]]\nname = {name:?}\nsha256 = \"{}\"\nsources = [{}]\nimport = {}\n",
        hex(&Sha256::digest(token.as_bytes())),
        sources.join(", "),
        import == Import::Allowed
    );
    Ok((token, entry))
}

/// A new token of a machine that reads, and what is to stand in the file for it.
///
/// # Errors
/// When the system gives no random bytes.
pub fn make_for_reading(
    name: &str,
    sources: &[String],
    import: Import,
    reads: Reads,
) -> std::io::Result<(String, String)> {
    let (token, mut entry) = make(name, sources, import)?;
    for (word, _) in [("read", reads.state), ("read_log", reads.log)].iter().filter(|(_, may)| *may) {
        entry.push_str(&format!("{word} = true\n"));
    }
    Ok((token, entry))
}

/// A new token of a person, and what is to stand in the file for it.
///
/// # Errors
/// When the system gives no random bytes.
pub fn make_for_user(name: &str, user: &str, opens: Opens) -> std::io::Result<(String, String)> {
    let token = format!("mandate_{}", hex(&crate::random::bytes::<32>()?));
    let digest = hex(&Sha256::digest(token.as_bytes()));
    let mut entry = format!("[[token]]\nname = {name:?}\nsha256 = \"{digest}\"\nuser = {user:?}\n");
    if opens == Opens::Calendar {
        entry.push_str("calendar = true\n");
    }
    Ok((token, entry))
}

/// A new token for requests of subject access, and what is to stand in the file for it.
///
/// # Errors
/// When the system gives no random bytes.
pub fn make_for_subject_access(name: &str) -> std::io::Result<(String, String)> {
    let token = format!("mandate_{}", hex(&crate::random::bytes::<32>()?));
    let digest = hex(&Sha256::digest(token.as_bytes()));
    let entry = format!("[[token]]\nname = {name:?}\nsha256 = \"{digest}\"\nsubject_access = true\n");
    Ok((token, entry))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn decode(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (place, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(place * 2..place * 2 + 2)?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fact(source: &str, kind: &str, more: &str) -> Fact {
        let text = format!(
            r#"{{"specversion":"1.0","id":"e","source":"{source}","type":"{kind}","subject":"nominal/N1","time":"2026-03-02T09:00:00Z"{more}}}"#
        );
        Fact::parse(&text).unwrap()
    }

    fn tokens(import: Import) -> (String, Tokens) {
        let (token, entry) = make("feed", &["/ndelius".to_owned(), "/visor/*".to_owned()], import).unwrap();
        (token, Tokens::parse(&entry).unwrap())
    }

    #[test]
    fn a_token_states_its_own_sources_and_those_below_a_star() {
        let (token, tokens) = tokens(Import::Refused);
        let client = tokens.client(&token).unwrap();
        for (source, allowed) in [
            ("/ndelius", true),
            ("/visor/attested", true),
            ("/visor", false),
            ("/nomis", false),
            ("/mandate", false),
        ] {
            assert_eq!(client.may_state(&fact(source, "nominal.died", "")).is_ok(), allowed, "{source}");
        }
        assert!(tokens.client("another").is_none());
    }

    #[test]
    fn a_token_for_a_calendar_opens_that_and_nothing_else() {
        let (token, entry) = make_for_user("una", "user/U-1", Opens::Calendar).unwrap();
        let tokens = Tokens::parse(&entry).unwrap();
        assert_eq!(tokens.calendar_of(&token), Some("user/U-1"));
        assert_eq!(tokens.client(&token), None);
        let (token, entry) = make_for_user("una", "user/U-1", Opens::Everything).unwrap();
        let tokens = Tokens::parse(&entry).unwrap();
        assert_eq!(tokens.calendar_of(&token), None);
        assert!(tokens.client(&token).is_some());
    }

    #[test]
    fn a_machine_reads_what_its_entry_says_and_a_person_by_their_rights() {
        let reads = Reads { state: true, log: false };
        let (token, entry) = make_for_reading("dashboard", &[], Import::Refused, reads).unwrap();
        let tokens = Tokens::parse(&entry).unwrap();
        let client = tokens.client(&token).unwrap();
        assert_eq!(client.reads(), reads);
        assert!(client.may_state(&fact("/ndelius", "nominal.died", "")).is_err());
        let (_, entry) = make_for_user("una", "user/U-1", Opens::Everything).unwrap();
        let wrong = format!("{entry}read = true\n");
        assert!(Tokens::parse(&wrong).unwrap_err().contains("by the rights of the user"));
    }

    #[test]
    fn a_claim_of_recording_needs_the_import_right() {
        let recorded = r#","recordedtime":"2026-03-02T10:00:00Z""#;
        for (import, allowed) in [(Import::Refused, false), (Import::Allowed, true)] {
            let (token, tokens) = tokens(import);
            let stated =
                tokens.client(&token).unwrap().may_state(&fact("/ndelius", "nominal.died", recorded));
            assert_eq!(stated.is_ok(), allowed);
        }
    }

    #[test]
    fn only_facts_of_its_own_sources_may_be_annulled() {
        let (token, tokens) = tokens(Import::Refused);
        let client = tokens.client(&token).unwrap();
        for (source, allowed) in [("/ndelius", true), ("/nomis", false)] {
            let data = format!(r#","data":{{"reason":"x","event":{{"source":"{source}","id":"e1"}}}}"#);
            assert_eq!(
                client.may_state(&fact("/ndelius", "fact.annulled", &data)).is_ok(),
                allowed,
                "{source}"
            );
        }
    }

    #[test]
    fn a_persons_token_names_the_user_and_states_no_facts() {
        let (token, entry) = make_for_user("una", "user/U-1", Opens::Everything).unwrap();
        let tokens = Tokens::parse(&entry).unwrap();
        let client = tokens.client(&token).unwrap();
        assert_eq!(client.user(), Some("user/U-1"));
        assert!(client.may_state(&fact("/ndelius", "nominal.died", "")).is_err());
        let wrong = entry.replace("user/U-1", "area/A07");
        assert!(Tokens::parse(&wrong).unwrap_err().contains("full id of a user"));
    }

    #[test]
    fn mistakes_in_a_token_file_are_named() {
        let digest = "0".repeat(64);
        for (text, wanted) in [
            (
                format!("[[token]]\nname = \"a\"\nsha256 = \"{digest}\"\nsource = [\"/t\"]\n"),
                "unknown field `source`",
            ),
            (
                "[[token]]\nname = \"a\"\nsha256 = \"12\"\nsources = [\"/t\"]\n".to_owned(),
                "64 hexadecimal digits",
            ),
            (format!("[[token]]\nname = \"a\"\nsha256 = \"{digest}\"\nsources = []\n"), "at least one"),
            (
                format!(
                    "[[token]]\nname = \"a\"\nsha256 = \"{digest}\"\nsources = [\"/t\"]\ntypes = [\"duty.*\"]\n"
                ),
                "`duty.*` is no type",
            ),
        ] {
            let found = Tokens::parse(&text).unwrap_err();
            assert!(found.contains(wanted), "{found}");
        }
    }
}
