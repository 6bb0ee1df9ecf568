//! What surrounds every page: header, navigation, banners, the moment shown, footer.

use super::date_boxes::DateBoxes;
use super::words::grouped;
use super::{Reference, assets};

/// What surrounds one page, the same for all pages of a request.
#[derive(Debug, Clone, Default)]
pub struct Frame {
    /// Who is signed in; `None` on pages that need nobody.
    pub person: Option<SignedIn>,
    /// The entries of the navigation this person may open, in order.
    pub sections: Vec<Section>,
    /// In `mandate demo` only: the virtual clock and the banner that says the data is synthetic.
    pub demo: Option<DemoClock>,
    /// The token every form that changes something sends back.
    pub form_token: String,
    /// The moment the page shows, with the form to ask for another; `None` where time plays no part.
    pub moment: Option<Moment>,
    /// What has just been done, after a form was sent: a whole sentence. A second line, where there is one, is the place
    /// in the log of the event that it became.
    pub done: Option<String>,
    /// What is wrong with the service itself: a whole sentence each.
    pub warnings: Vec<String>,
    /// What is wrong with the form that was sent, in the order of its fields.
    pub errors: Vec<FieldError>,
    /// How far the log had got when the page was made, for example `12,345`.
    pub log_position: Option<String>,
}

impl Frame {
    /// The address of a built asset, for example `mandate.css`.
    #[must_use]
    pub fn asset(&self, name: &str) -> String {
        assets::url(name)
    }

    /// What has just been done.
    #[must_use]
    pub fn done_words(&self) -> Option<&str> {
        self.done.as_deref().and_then(|done| done.lines().next())
    }

    /// The event that it became.
    #[must_use]
    pub fn done_event(&self) -> Option<Reference> {
        let position: u64 = self.done.as_deref()?.lines().nth(1)?.parse().ok()?;
        let text = format!("The event at log position {}", grouped(position));
        // Only who reads the log has its pages.
        let reads = self.sections.contains(&Section::Assurance);
        let href = reads.then(|| format!("/events/{position}"));
        Some(Reference { text, href })
    }

    /// `?asAt=…&knownAt=…` if the page shows a past moment, else nothing; ends an address that has
    /// no other parameters, so that the moment is kept from page to page.
    #[must_use]
    pub fn carry(&self) -> String {
        let Some(moment) = &self.moment else { return String::new() };
        let asked = [("asAt", &moment.as_at.parameter), ("knownAt", &moment.known_at.parameter)];
        let pairs: Vec<String> = asked
            .iter()
            .filter_map(|(name, value)| value.as_ref().map(|value| format!("{name}={value}")))
            .collect();
        if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) }
    }
}

/// The person signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedIn {
    /// The name the person signed in with.
    pub name: String,
    /// Role and place in words, for example `CPC, Area A07`.
    pub role: String,
}

/// The virtual clock of the demo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DemoClock {
    /// The virtual time in words.
    pub now: String,
}

/// An entry of the service navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// The work list.
    MyWork,
    /// All duties, filtered.
    Duties,
    /// How many duties were met, and what was done.
    Compliance,
    /// Where the systems do not agree, backlogs, and messages that could not be used.
    Reconciliation,
    /// Users.
    People,
    /// Organisations and terminals.
    Organisations,
    /// Audits, attestations, retention.
    Audits,
    /// The mail that the demo "sent".
    Inbox,
    /// The rule book.
    Rules,
    /// The log and its proofs.
    Assurance,
}

impl Section {
    /// The words of the entry.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::MyWork => "My work",
            Self::Duties => "Duties",
            Self::Compliance => "Compliance",
            Self::Reconciliation => "Reconciliation",
            Self::People => "People",
            Self::Organisations => "Organisations",
            Self::Audits => "Audits",
            Self::Inbox => "Inbox",
            Self::Rules => "Rule book",
            Self::Assurance => "Assurance",
        }
    }

    /// The path of the entry's page.
    #[must_use]
    pub fn path(self) -> &'static str {
        match self {
            Self::MyWork => "/work",
            Self::Duties => "/duties",
            Self::Compliance => "/compliance",
            Self::Reconciliation => "/reconciliation",
            Self::People => "/people",
            Self::Organisations => "/organisations",
            Self::Audits => "/audits",
            Self::Inbox => "/inbox",
            Self::Rules => "/rules",
            Self::Assurance => "/assurance",
        }
    }
}

/// The moment a page shows, on both clocks, and the form that asks for another.
///
/// The form is sent by GET with the boxes `asAt-day`, `asAt-month`, `asAt-year` and the same for
/// `knownAt`. The handler reads them ([`DateBoxes::read`]) and redirects to the address with
/// `asAt=2026-03-06` and `knownAt=…`, or shows the page again with the errors.
#[derive(Debug, Clone)]
pub struct Moment {
    /// When what is shown was true.
    pub as_at: Point,
    /// When what is shown had been recorded.
    pub known_at: Point,
    /// The path the form is sent to: that of the page.
    pub action: String,
    /// The page's other parameters (filters, order), which the form must not lose.
    pub carried: Vec<(String, String)>,
    /// The page without `asAt` and `knownAt`.
    pub present_href: String,
}

impl Moment {
    /// True if either clock is set to something other than now.
    #[must_use]
    pub fn is_past(&self) -> bool {
        self.as_at.parameter.is_some() || self.known_at.parameter.is_some()
    }

    /// True if the form holds an error, so that it must be shown open.
    #[must_use]
    pub fn has_error(&self) -> bool {
        self.as_at.boxes.error.is_some() || self.known_at.boxes.error.is_some()
    }
}

/// One clock of a [`Moment`].
#[derive(Debug, Clone, Default)]
pub struct Point {
    /// The value of the parameter, a date or an instant ending in `Z`; `None` = now.
    pub parameter: Option<String>,
    /// The moment in words, for example `the end of Friday 6 March 2026`, or `now`.
    pub words: String,
    /// What stands in the three boxes.
    pub boxes: DateBoxes,
}

/// One error of a form, shown at the top of the page with a link to its field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// The id of the field, for example `asAt-day`.
    pub field: String,
    /// What is wrong and what to do, as a sentence.
    pub text: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(parameter: Option<&str>) -> Point {
        Point { parameter: parameter.map(str::to_owned), ..Point::default() }
    }

    fn frame(as_at: Option<&str>, known_at: Option<&str>) -> Frame {
        let moment = Moment {
            as_at: at(as_at),
            known_at: at(known_at),
            action: "/work".to_owned(),
            carried: Vec::new(),
            present_href: "/work".to_owned(),
        };
        Frame { moment: Some(moment), ..Frame::default() }
    }

    #[test]
    fn the_present_is_not_carried() {
        assert_eq!(frame(None, None).carry(), "");
        assert_eq!(Frame::default().carry(), "");
    }

    #[test]
    fn a_past_moment_is_carried_on_both_clocks() {
        assert_eq!(frame(Some("2026-03-06"), None).carry(), "?asAt=2026-03-06");
        assert_eq!(
            frame(Some("2026-03-06"), Some("2026-03-09")).carry(),
            "?asAt=2026-03-06&knownAt=2026-03-09"
        );
    }
}
