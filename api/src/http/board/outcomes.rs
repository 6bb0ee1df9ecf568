//! The four outcomes of the framework's section 3, and which rules serve each.

/// An outcome of section 3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// 3 a.
    Use,
    /// 3 b.
    Access,
    /// 3 c.
    Sharing,
    /// 3 d.
    Assurance,
}

/// The outcomes in their order.
pub const OUTCOMES: [Outcome; 4] = [Outcome::Use, Outcome::Access, Outcome::Sharing, Outcome::Assurance];

/// Rules that serve access: who is partnered, who is named on the record, who looks before deciding.
const ACCESS: [&str; 11] =
    ["4.24", "4.25", "4.26", "5.12", "5.13", "5.14", "5.15", "5.17", "5.23", "6.4", "6.6"];
/// Rules that serve sharing: what is put on the record, and of what others are told.
const SHARING: [&str; 15] = [
    "4.17",
    "4.18",
    "4.19",
    "4.20.2",
    "4.20.3",
    "4.20.add",
    "4.21",
    "4.22",
    "4.28",
    "4.36",
    "5.16",
    "5.18",
    "5.19",
    "5.22",
    "5.9.record",
];
/// Rules that serve assurance: posts, audits, documents, accounts of those who left or whose vetting ended.
const ASSURANCE: [&str; 12] = [
    "4.8.cpc",
    "4.8.lpc",
    "4.16.dataset",
    "4.16.logon",
    "4.16.rug",
    "4.16.sign",
    "4.16.vetting",
    "4.38",
    "4.38.close",
    "5.4",
    "5.5",
    "5.9.partners",
];

impl Outcome {
    /// The outcome that a rule serves.
    ///
    /// # Policy
    /// Section 3 names four outcomes and no paragraph under any; this is our reading. What makes records and users is
    /// *use* (3 a: enough vetted and trained staff who use it consistently), and so is a rule that is not named here.
    #[must_use]
    pub fn of(rule: &str) -> Self {
        if ACCESS.contains(&rule) {
            Self::Access
        } else if SHARING.contains(&rule) {
            Self::Sharing
        } else if ASSURANCE.contains(&rule) {
            Self::Assurance
        } else {
            Self::Use
        }
    }

    /// Its letter.
    #[must_use]
    pub const fn letter(self) -> char {
        match self {
            Self::Use => 'a',
            Self::Access => 'b',
            Self::Sharing => 'c',
            Self::Assurance => 'd',
        }
    }

    /// Its name.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Use => "Use",
            Self::Access => "Access",
            Self::Sharing => "Sharing",
            Self::Assurance => "Assurance",
        }
    }

    /// Its words in section 3.
    #[must_use]
    pub const fn quote(self) -> &'static str {
        match self {
            Self::Use => {
                "using ViSOR as a day-to-day tool in sentence management will ensure the consistent and effective use of ViSOR in line with this Policy Framework"
            }
            Self::Access => {
                "All probation practitioners have access to information on ViSOR to assist with delivering effective and robust risk management and enhance public protection by ensuring that risk assessments are fully informed."
            }
            Self::Sharing => {
                "ViSOR is used to store and appropriately share risk information and intelligence with partner agencies including MAPPA minutes"
            }
            Self::Assurance => "ViSOR usage is regularly quality assured and data measured.",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_named_is_one_of_the_policy_that_ships_and_serves_one_outcome() {
        let policy = mandate_domain::policy::Policy::shipped().unwrap();
        let named: Vec<&str> = ACCESS.iter().chain(&SHARING).chain(&ASSURANCE).copied().collect();
        for rule in &named {
            assert!(policy.rules.iter().any(|known| known.id == *rule), "{rule}");
            assert_eq!(named.iter().filter(|other| *other == rule).count(), 1, "{rule}");
        }
    }
}
