//! What every mail ends with: where the log stood, and the latest checkpoint of it.

use mandate_projections::NoticeRow;
use mandate_store::Position;

use super::LetterWriter;
use crate::error::SchedulerError;

/// What every template needs beside its own content.
#[derive(Debug, Clone)]
pub(crate) struct Footer {
    pub subject: String,
    /// The person for whom the mail was, where it could not be delivered to them.
    pub in_place_of: Option<String>,
    pub base_url: String,
    pub position: Position,
    /// The latest checkpoint signed up to there; whoever keeps the mail holds the log to it.
    pub checkpoint: Option<Checkpoint>,
}

/// A checkpoint as a mail shows it.
#[derive(Debug, Clone)]
pub(crate) struct Checkpoint {
    pub size: Position,
    /// The root of the tree, in Base64.
    pub root: String,
}

impl LetterWriter<'_> {
    /// The footer of a notice.
    pub(super) fn footer(&self, notice: &NoticeRow) -> Result<Footer, SchedulerError> {
        let position = notice.position;
        let signed = self.reader.checkpoints(position, 1)?.into_iter().next();
        // A checkpoint is three lines: origin, size, root (C2SP tlog-checkpoint).
        let checkpoint = signed.and_then(|signed| {
            let root = signed.note.lines().nth(2)?.to_owned();
            Some(Checkpoint { size: signed.size, root })
        });
        let (in_place_of, base_url) = (notice.in_place_of.clone(), self.base_url.to_owned());
        Ok(Footer { subject: String::new(), in_place_of, base_url, position, checkpoint })
    }
}
