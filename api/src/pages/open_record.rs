//! A record that somebody may open with a reason.

use askama::Template;

use super::Page;
use super::frame::Frame;

/// Asks for the reason. It is sent by `reason=…` to `/nominals/{reference}/access`.
#[derive(Debug, Clone, Template)]
#[template(path = "open_record.html")]
pub struct OpenRecord {
    /// What surrounds the page.
    pub frame: Frame,
    /// The nominal.
    pub reference: String,
    /// What was typed before.
    pub typed_reason: String,
}

impl Page for OpenRecord {
    fn frame(&self) -> &Frame {
        &self.frame
    }

    fn heading(&self) -> String {
        "Open a record of which you are no partner".to_owned()
    }

    fn purpose(&self) -> String {
        "Say why. The reason is stored first and the CPC of the owner is told; then the record is open to you for 15 \
         minutes."
            .to_owned()
    }
}
