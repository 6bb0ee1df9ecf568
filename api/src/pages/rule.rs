//! One rule of the rule book.

use askama::Template;

use super::duty::{Interpretation, Quote};
use super::frame::{Frame, Section};
use super::words::Basis;
use super::{Link, Page};

/// One rule: the sentence, the words of the policy, and its numbers by version.
#[derive(Debug, Clone, Template)]
#[template(path = "rule.html")]
pub struct RulePage {
    /// What surrounds the page.
    pub frame: Frame,
    /// The id, for example `4.20.3`.
    pub id: String,
    /// The paragraph, for example `4.20`.
    pub paragraph: String,
    /// The duty in one sentence, without a full stop.
    pub sentence: String,
    /// Whether the number is the policy's.
    pub basis: Basis,
    /// `low`, `medium`, `high` or `critical`.
    pub severity: String,
    /// The words of the policy, one for each kind of holder.
    pub quotes: Vec<Quote>,
    /// The versions, latest first.
    pub versions: Vec<RuleVersion>,
    /// The readings of the policy that it uses.
    pub interpretations: Vec<Interpretation>,
    /// The duties opened under it.
    pub duties_href: String,
}

impl RulePage {
    /// The file that holds the rule.
    #[must_use]
    pub fn file(&self) -> String {
        format!("domain/policy/{}.toml", self.id)
    }
}

impl Page for RulePage {
    fn frame(&self) -> &Frame {
        &self.frame
    }

    fn section(&self) -> Option<Section> {
        Some(Section::Rules)
    }

    fn heading(&self) -> String {
        format!("Rule {}", self.id)
    }

    fn purpose(&self) -> String {
        "The rule as data: the words of the policy, and the numbers read from them.".to_owned()
    }

    fn crumbs(&self) -> Vec<Link> {
        if self.frame.sections.contains(&Section::Rules) {
            vec![Link::new(
                Section::Rules.words(),
                format!("{}{}", Section::Rules.path(), self.frame.carry()),
            )]
        } else {
            Vec::new()
        }
    }
}

/// One version of a rule.
#[derive(Debug, Clone)]
pub struct RuleVersion {
    /// The first day it is in force, in words.
    pub effective_from: String,
    /// The last day, in words; `None` = still in force.
    pub effective_to: Option<String>,
    /// What it says, name and value in words: form, opens while, due, grace, holder, ends, warns, escalates.
    pub numbers: Vec<(String, String)>,
}
