//! What a verification found, in words and in one line of JSON.

use std::fmt;

use crate::Hash;

/// What a verification found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The log that the bundle says it is of, once its header was read.
    pub origin: Option<String>,
    /// Events that were read and whose own leaf is right.
    pub events: u64,
    /// The greatest size for which a signed checkpoint agrees with the events.
    pub proven: Option<u64>,
    /// Signed checkpoints that agree, those that were brought included.
    pub checkpoints: u64,
    /// Keys other than the given one by which checkpoints in the bundle are signed; at most [`MAX_OTHER_KEYS`].
    pub other_keys: Vec<String>,
    /// What the bundle carries beside the log, which nothing proves; at most [`MAX_BESIDE`].
    pub beside: Vec<Beside>,
    /// The result.
    pub verdict: Verdict,
}

/// What a bundle carries beside the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beside {
    /// What it says it is.
    pub name: String,
    /// SHA-256 of its text, to be compared with what was published.
    pub digest: Hash,
}

/// How much of what is beside the log a report names.
pub const MAX_BESIDE: usize = 8;

/// How many other keys a report names.
pub const MAX_OTHER_KEYS: usize = 8;

/// The result of a verification; ranges of positions include both ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// All positions from `first` to `last` are there and as they were signed.
    Ok {
        /// First position.
        first: u64,
        /// Last position; `first - 1` for a bundle without events.
        last: u64,
        /// The greatest size that was signed, which is more than `last` when the bundle is a part of the log.
        log_size: u64,
        /// Root of the tree of size `last`.
        root: Hash,
    },
    /// The events are not those that were recorded; the first bad one is in this range.
    Altered {
        /// The first position that can be bad.
        first: u64,
        /// The last position that can be the first bad one.
        last: u64,
        /// How it shows.
        what: Alteration,
    },
    /// Nothing says that the events are false, but some are not there, or nothing proves them.
    Missing {
        /// First position that is missing or not proven.
        first: u64,
        /// The last.
        last: u64,
        /// Why it is.
        why: Lack,
    },
    /// The bundle, or a checkpoint that was brought, cannot be read.
    Unreadable {
        /// Why.
        why: String,
    },
}

/// Where a checkpoint comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    /// It stands in the bundle.
    Bundle,
    /// The auditor brought it.
    Auditor,
}

/// How an alteration shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Alteration {
    /// The stored leaf is not the digest of what is stored.
    Leaf,
    /// An event stands where it does not belong.
    Order {
        /// The position that the event says.
        found: u64,
    },
    /// There are more events than the header announces.
    Beyond,
    /// An event was recorded before the one in front of it.
    Clock,
    /// The events do not lead to the root that was signed.
    Root {
        /// Who holds the checkpoint.
        holder: Holder,
        /// The greatest smaller size at which a signed checkpoint, wherever it comes from, did agree.
        agreed: Option<u64>,
    },
    /// A checkpoint in the bundle names the key as its signer, which did not sign it.
    Signature,
    /// The events are not the beginning of the log whose later checkpoint was signed.
    Proof {
        /// Who holds the checkpoint.
        holder: Holder,
    },
    /// Two checkpoints of this size with different roots were signed.
    Fork,
}

/// Why something is missing or not proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lack {
    /// Events are wanting between others.
    Hole,
    /// Events that the header announces are wanting at the end.
    Tail,
    /// A signed checkpoint covers more events than the bundle holds.
    Signed {
        /// Who holds the checkpoint.
        holder: Holder,
    },
    /// The bundle holds only a part of what the auditor's checkpoint covers, and says so with a valid proof.
    Part,
    /// A checkpoint covers less than what comes before the bundle, so that it cannot be compared.
    Before {
        /// Who holds the checkpoint.
        holder: Holder,
    },
    /// No checkpoint that the key signed covers these positions.
    Unsigned,
    /// The checkpoint that was brought is signed by another key.
    OtherKey {
        /// By which.
        signed_by: String,
    },
    /// The bundle is of another log than the key.
    OtherLog {
        /// The log of the key.
        wanted: String,
    },
}

impl Verdict {
    /// The exit code of the program: 0 for proven, 5 for altered, 6 for missing, 3 for unreadable.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Ok { .. } => 0,
            Self::Altered { .. } => 5,
            Self::Missing { .. } => 6,
            Self::Unreadable { .. } => 3,
        }
    }

    /// One word for the result.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Ok { .. } => "ok",
            Self::Altered { .. } => "altered",
            Self::Missing { .. } => "missing",
            Self::Unreadable { .. } => "unreadable",
        }
    }
}

impl Holder {
    fn checkpoint(self) -> &'static str {
        match self {
            Self::Bundle => "the signed checkpoint in the bundle",
            Self::Auditor => "the checkpoint that you brought",
        }
    }
}

impl Alteration {
    /// One word for it.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Leaf => "leaf",
            Self::Order { .. } => "order",
            Self::Beyond => "beyond",
            Self::Clock => "clock",
            Self::Root { .. } => "root",
            Self::Signature => "signature",
            Self::Proof { .. } => "proof",
            Self::Fork => "fork",
        }
    }

    fn sentence(&self, first: u64, last: u64) -> String {
        match self {
            Self::Leaf => format!("what is stored of the event at position {first} is not what was recorded: its leaf differs"),
            Self::Order { found } => {
                format!("where position {first} is due stands the event of position {found}: events were moved, repeated or put in")
            }
            Self::Beyond => format!("the bundle holds an event at position {first}, after the last one that it announces"),
            Self::Clock => format!("the event at position {first} says that it was recorded before the one in front of it"),
            Self::Root { holder, agreed } => {
                let mut sentence = format!(
                    "the events up to position {last} are not those that were signed: {} of size {last} has another root",
                    holder.checkpoint()
                );
                if let Some(size) = agreed.filter(|size| *size >= first) {
                    sentence += &format!(
                        "; a checkpoint in the bundle agrees with the events up to position {size}, so the bad position is after \
                         that unless the key was used to sign altered events"
                    );
                }
                sentence
            }
            Self::Signature => {
                "a checkpoint in the bundle bears the name of your key, and your key did not sign it as it stands".to_owned()
            }
            Self::Proof { holder } => format!(
                "the events are not the beginning of what was signed later: the proof to {} of size {last} does not hold",
                holder.checkpoint()
            ),
            Self::Fork => format!("two checkpoints of size {last} with different roots were signed: there are two histories"),
        }
    }
}

impl Lack {
    /// One word for it.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Hole => "hole",
            Self::Tail => "tail",
            Self::Signed { .. } => "signed",
            Self::Part => "part",
            Self::Before { .. } => "before",
            Self::Unsigned => "unsigned",
            Self::OtherKey { .. } => "other-key",
            Self::OtherLog { .. } => "other-log",
        }
    }

    fn sentences(&self, last: u64) -> (String, &'static str) {
        match self {
            Self::Hole => (
                "These events are wanting between others.".to_owned(),
                "Ask for a new export; if they are wanting there too, events were removed from the log.",
            ),
            Self::Tail => (
                "The bundle announces these events and does not hold them.".to_owned(),
                "Ask for a new export; if they are wanting there too, events were removed from the log.",
            ),
            Self::Signed { holder } => (
                format!("The log had at least {last} events when it signed {}.", holder.checkpoint()),
                "Ask for an export up to that position; if there is none, events were removed from the log or it was set back.",
            ),
            Self::Part => (
                format!(
                    "The log had at least {last} events when it signed the checkpoint that you brought; the bundle proves that \
                     it is the beginning of them."
                ),
                "If you asked for a part only, say so with `--part`; else ask for an export up to that position.",
            ),
            Self::Before { holder } => (
                format!(
                    "The bundle begins later than {} ends, so the two cannot be compared.",
                    holder.checkpoint()
                ),
                "Ask for an export that begins at or before the end of the checkpoint.",
            ),
            Self::Unsigned => (
                "No checkpoint signed by your key covers these positions, so nothing proves them.".to_owned(),
                "Ask for an export with a checkpoint of its last position, or bring one with `--checkpoint`.",
            ),
            Self::OtherKey { signed_by } => (
                format!(
                    "The checkpoint that you brought is signed by {signed_by}, not by the key that you gave."
                ),
                "Give the key that you received together with that checkpoint; if the log has changed its key, find out by whose order.",
            ),
            Self::OtherLog { wanted } => (
                format!("Your key is that of the log `{wanted}`, so nothing in this bundle is proven by it."),
                "Ask for an export of that log, or give the key of this one.",
            ),
        }
    }
}

/// `position 7`, or `positions 7 to 9`.
fn positions(first: u64, last: u64) -> String {
    if first == last { format!("position {first}") } else { format!("positions {first} to {last}") }
}

impl fmt::Display for Report {
    /// Full sentences that say where and what to do next.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let origin = self.origin.as_deref().unwrap_or("unknown").escape_debug();
        match &self.verdict {
            Verdict::Ok { first, last, log_size, root } => {
                if first > last {
                    write!(
                        f,
                        "Ok: the bundle of the log `{origin}` holds no event, and its root was signed."
                    )?;
                } else {
                    let range = positions(*first, *last);
                    write!(f, "Ok: {range} of the log `{origin}` are complete and as they were signed.")?;
                }
                write!(f, " {} signed checkpoint(s) agree;", self.checkpoints)?;
                write!(f, " the root of size {last} is {}.", hex(root))?;
                if first > &1 {
                    write!(f, " This is a part of the log: positions 1 to {} are not in it.", first - 1)?;
                }
                if log_size > last {
                    let rest = positions(last + 1, *log_size);
                    write!(f, " This is a part of the log: {rest} were signed and are not in it.")?;
                }
            }
            Verdict::Altered { first, last, what } => {
                write!(f, "Altered: {}.", what.sentence(*first, *last))?;
                if first == last {
                    write!(f, " The first bad position is {first}.")?;
                } else {
                    write!(f, " The first bad position is between {first} and {last}.")?;
                }
                write!(
                    f,
                    " Keep this bundle and the checkpoints, and compare with a backup or an older export."
                )?;
            }
            Verdict::Missing { first, last, why } => {
                let (sentence, next) = why.sentences(*last);
                match why {
                    Lack::OtherLog { .. } => write!(f, "Not proven: the bundle is of the log `{origin}`.")?,
                    Lack::Unsigned | Lack::OtherKey { .. } if first > last => {
                        write!(f, "Not proven: that the log `{origin}` has no event.")?;
                    }
                    Lack::Unsigned | Lack::OtherKey { .. } => {
                        write!(f, "Not proven: {} of the log `{origin}`.", positions(*first, *last))?;
                    }
                    _ => write!(f, "Missing: {} of the log `{origin}`.", positions(*first, *last))?,
                }
                write!(f, " {sentence} {next}")?;
            }
            Verdict::Unreadable { why } => {
                write!(f, "Unreadable: {why}.")?;
                if self.origin.is_some() {
                    write!(f, " {} event(s) were read before.", self.events)?;
                }
                write!(f, " Fetch or export it again.")?;
            }
        }
        if !self.other_keys.is_empty() {
            let keys = self.other_keys.join(", ");
            write!(
                f,
                " The bundle also holds checkpoints signed by other keys, which prove nothing here: {keys}."
            )?;
        }
        if !self.beside.is_empty() {
            let of =
                |beside: &Beside| format!("{} (SHA-256 {})", beside.name.escape_debug(), hex(&beside.digest));
            let beside: Vec<String> = self.beside.iter().map(of).collect();
            write!(f, " Beside the log, and proven by nothing in it: {}.", beside.join(", "))?;
        }
        Ok(())
    }
}

impl Report {
    /// The report as one line of JSON, without a newline.
    #[must_use]
    pub fn to_json(&self) -> String {
        let number = |value: Option<u64>| value.map_or("null".to_owned(), |n| n.to_string());
        let (first, last, reason) = match &self.verdict {
            Verdict::Ok { first, last, .. } => (Some(*first), Some(*last), None),
            Verdict::Altered { first, last, what } => (Some(*first), Some(*last), Some(what.word())),
            Verdict::Missing { first, last, why } => (Some(*first), Some(*last), Some(why.word())),
            Verdict::Unreadable { .. } => (None, None, None),
        };
        let (log_size, root) = match &self.verdict {
            Verdict::Ok { log_size, root, .. } => (Some(*log_size), Some(hex(root))),
            Verdict::Altered { .. } | Verdict::Missing { .. } | Verdict::Unreadable { .. } => (None, None),
        };
        let text = |value: Option<&str>| value.map_or("null".to_owned(), json_text);
        let keys: Vec<String> = self.other_keys.iter().map(|key| json_text(key)).collect();
        let beside = |beside: &Beside| {
            format!(r#"{{"name":{},"sha256":"{}"}}"#, json_text(&beside.name), hex(&beside.digest))
        };
        let beside: Vec<String> = self.beside.iter().map(beside).collect();
        format!(
            r#"{{"verdict":{},"exit":{},"origin":{},"first":{},"last":{},"reason":{},"log_size":{},"root":{},"events":{},"proven":{},"checkpoints":{},"other_keys":[{}],"beside":[{}],"text":{}}}"#,
            json_text(self.verdict.word()),
            self.verdict.exit_code(),
            text(self.origin.as_deref()),
            number(first),
            number(last),
            text(reason),
            number(log_size),
            text(root.as_deref()),
            self.events,
            number(self.proven),
            self.checkpoints,
            keys.join(","),
            beside.join(","),
            json_text(&self.to_string()),
        )
    }
}

/// A string of JSON.
#[must_use]
pub fn json_text(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if c.is_control() => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

fn hex(hash: &Hash) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}
