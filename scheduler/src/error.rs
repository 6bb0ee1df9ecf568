//! What can go wrong with a pass; what became of a single notice is recorded in the log instead.

use mandate_domain::policy::PolicyError;
use mandate_projections::ProjectionError;
use mandate_store::{KeysError, StoreError};

/// Why a pass stopped; everything done before it stands, and the next pass goes on from there.
#[derive(Debug, thiserror::Error)]
pub enum SchedulerError {
    /// The log.
    #[error(transparent)]
    Log(#[from] StoreError),
    /// The read models.
    #[error(transparent)]
    Projections(#[from] ProjectionError),
    /// The policy that ships with the program.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// The keys of sealed parts.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// A mail that cannot be written.
    #[error("notice {notice}: the mail cannot be written: {reason}")]
    Template {
        /// The notice.
        notice: String,
        /// Why.
        reason: String,
    },
    /// The thread of a pass ended early.
    #[error("a pass ended early: {0}; it is started again")]
    Thread(String),
}

impl SchedulerError {
    /// Whether what went wrong concerns the one notice that was looked at, and no other.
    pub(crate) const fn is_of_one_notice(&self) -> bool {
        match self {
            Self::Template { .. }
            | Self::Log(StoreError::Unreadable { .. })
            | Self::Projections(
                ProjectionError::Row { .. } | ProjectionError::Log(StoreError::Unreadable { .. }),
            ) => true,
            Self::Log(_) | Self::Projections(_) | Self::Policy(_) | Self::Keys(_) | Self::Thread(_) => false,
        }
    }
}

/// Why settings cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("setting `{setting}`: {reason}")]
pub struct SettingsError {
    /// The setting.
    pub setting: &'static str,
    /// What is wrong with it and what would be right.
    pub reason: String,
}

impl SettingsError {
    pub(crate) fn new(setting: &'static str, reason: impl Into<String>) -> Self {
        Self { setting, reason: reason.into() }
    }
}
