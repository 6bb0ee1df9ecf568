//! What ships with the program and counts where a log adopted none: its policy and its bank holidays. A bundle carries
//! both, so that another version of the program judges it as this one does.

use mandate_domain::calendar::SHIPPED_CSV;
use mandate_domain::policy::{PolicyFiles, concatenated, shipped_files, split_concatenation};

/// The name of the policy in a bundle: its files in the form in which a log adopts them.
const POLICY: &str = "policy";
/// The name of the bank holidays in a bundle: the CSV as published.
const HOLIDAYS: &str = "holidays";

/// What a bundle is to carry.
#[derive(Debug)]
pub struct Shipped {
    policy: String,
}

impl Shipped {
    /// What ships with this program.
    #[must_use]
    pub fn with_this_program() -> Self {
        Self { policy: concatenated(&shipped_files()) }
    }

    /// The texts by name.
    #[must_use]
    pub fn texts(&self) -> [(&'static str, &str); 2] {
        [(POLICY, &self.policy), (HOLIDAYS, SHIPPED_CSV)]
    }
}

/// What the bundles that were read carry; of several, the last counts.
#[derive(Debug, Default)]
pub struct Beside {
    policy: Option<String>,
    holidays: Option<String>,
}

impl Beside {
    /// Takes in a text; one of another name is for a later program.
    pub fn take(&mut self, name: &str, text: &str) {
        match name {
            POLICY => self.policy = Some(text.to_owned()),
            HOLIDAYS => self.holidays = Some(text.to_owned()),
            _ => {}
        }
    }

    /// The policy where the log adopted none: the one that is carried, else this program's.
    #[must_use]
    pub fn policy_files(&self) -> PolicyFiles {
        self.policy.as_deref().map_or_else(shipped_files, split_concatenation)
    }

    /// The bank holidays before those that the log adopted, as CSV: those that are carried, else this program's.
    #[must_use]
    pub fn holidays_csv(&self) -> &str {
        self.holidays.as_deref().unwrap_or(SHIPPED_CSV)
    }

    /// Says what of it is not as this program ships it: nothing proves that part of a bundle.
    pub fn tell_what_differs(&self) {
        if let Some(what) = self.differs() {
            eprintln!(
                "mandate: the bundle carries {what} of another version than this program's, and they count where the log \
                 adopted none; no checkpoint covers them: compare the digests that `mandate-verify` prints with what was published"
            );
        }
    }

    fn differs(&self) -> Option<&'static str> {
        let policy = self.policy.as_ref().is_some_and(|text| *text != concatenated(&shipped_files()));
        match (policy, self.holidays_csv() != SHIPPED_CSV) {
            (true, true) => Some("policy and bank holidays"),
            (true, false) => Some("policy"),
            (false, true) => Some("bank holidays"),
            (false, false) => None,
        }
    }
}
