//! What the server counts.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::http::StatusCode;

use super::facts::FactResult;

/// Counters since the start.
#[derive(Debug, Default)]
pub struct Metrics {
    /// Answers by the first digit of their status, from 2 to 5.
    answers: [AtomicU64; 4],
    stored: AtomicU64,
    already_stored: AtomicU64,
    refused: AtomicU64,
    /// Messages by what became of them, in the order of [`MESSAGES`].
    messages: [AtomicU64; MESSAGES.len()],
}

/// What may become of a message: its name in an answer and in the metrics.
const MESSAGES: [(&str, &str); 6] = [
    ("stored", "stored"),
    ("alreadyStored", "already_stored"),
    ("ignored", "ignored"),
    ("quarantined", "quarantined"),
    ("discarded", "discarded"),
    ("refused", "refused"),
];

impl Metrics {
    /// Counts an answer.
    pub fn count_answer(&self, status: StatusCode) {
        let class = usize::from(status.as_u16() / 100);
        if let Some(counter) = class.checked_sub(2).and_then(|place| self.answers.get(place)) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Counts facts.
    pub fn count_facts(&self, results: &[FactResult]) {
        for result in results {
            let counter = match result.status {
                "stored" => &self.stored,
                "alreadyStored" => &self.already_stored,
                "refused" => &self.refused,
                _ => continue,
            };
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Counts an HMPPS message.
    pub fn count_message(&self, status: &str) {
        let place = MESSAGES.iter().position(|(name, _)| *name == status);
        if let Some(counter) = place.and_then(|place| self.messages.get(place)) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// As Prometheus reads them.
    #[must_use]
    pub fn text(&self, head: u64, reached: u64, waiting: u64) -> String {
        let mut text = String::new();
        let mut add = |name: &str, kind: &str, help: &str, values: &[(String, u64)]| {
            // Writing to a string cannot fail.
            let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
            for (labels, value) in values {
                let _ = writeln!(text, "{name}{labels} {value}");
            }
        };
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let classes = (2u16..).zip(&self.answers);
        let answers: Vec<_> =
            classes.map(|(class, counter)| (format!("{{status=\"{class}xx\"}}"), read(counter))).collect();
        add("mandate_http_answers_total", "counter", "Answers by class of status", &answers);
        let facts =
            [("stored", &self.stored), ("already_stored", &self.already_stored), ("refused", &self.refused)];
        let facts: Vec<_> = facts
            .iter()
            .map(|(outcome, counter)| (format!("{{outcome=\"{outcome}\"}}"), read(counter)))
            .collect();
        add("mandate_facts_total", "counter", "Facts sent, by what became of them", &facts);
        let messages = MESSAGES.iter().zip(&self.messages);
        let messages: Vec<_> = messages
            .map(|((_, outcome), counter)| (format!("{{outcome=\"{outcome}\"}}"), read(counter)))
            .collect();
        add("mandate_messages_total", "counter", "HMPPS messages sent, by what became of them", &messages);
        let position = |value| [(String::new(), value)];
        add("mandate_log_position", "gauge", "Last position of the log", &position(head));
        add("mandate_projections_position", "gauge", "Last position in the read models", &position(reached));
        add("mandate_quarantine_waiting", "gauge", "Messages that wait in quarantine", &position(waiting));
        add(
            "mandate_projections_behind",
            "gauge",
            "Events not yet in the read models",
            &position(head.saturating_sub(reached)),
        );
        text
    }
}
