//! How far long work has come: a bar on a terminal, else a plain line now and then.

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// Time between two plain lines.
const EVERY: Duration = Duration::from_secs(5);

/// The progress of one piece of work, on standard error.
pub struct Progress {
    name: String,
    total: Option<u64>,
    started: Instant,
    shown: Shown,
}

enum Shown {
    Bar(ProgressBar),
    Lines { last: Instant },
}

impl Progress {
    /// Work with a name, and its size in bytes where it is known.
    #[must_use]
    pub fn new(name: &str, total: Option<u64>) -> Self {
        let started = Instant::now();
        let shown = if std::io::stderr().is_terminal() {
            Shown::Bar(bar(name, total))
        } else {
            Shown::Lines { last: started }
        };
        Self { name: name.to_owned(), total, started, shown }
    }

    /// Says how many bytes and lines are done.
    pub fn reach(&mut self, bytes: u64, lines: u64) {
        let line = self.line(bytes, lines);
        match &mut self.shown {
            Shown::Bar(bar) => {
                bar.set_position(bytes);
                bar.set_message(line);
            }
            Shown::Lines { last } if last.elapsed() >= EVERY => {
                *last = Instant::now();
                eprintln!("{}: {line}", self.name);
            }
            Shown::Lines { .. } => {}
        }
    }

    /// Takes the bar away.
    pub fn finish(self) {
        if let Shown::Bar(bar) = self.shown {
            bar.finish_and_clear();
        }
    }

    /// Lines, rate and time left.
    fn line(&self, bytes: u64, lines: u64) -> String {
        let seconds = self.started.elapsed().as_millis().max(1);
        let rate = u128::from(lines) * 1000 / seconds;
        let left = self.total.filter(|_| bytes > 0).map(|total| {
            let rest = u128::from(total.saturating_sub(bytes));
            let left = seconds * rest / u128::from(bytes) / 1000;
            format!(", {}:{:02} left", left / 60, left % 60)
        });
        format!("{lines} lines, {rate}/s{}", left.unwrap_or_default())
    }
}

fn bar(name: &str, total: Option<u64>) -> ProgressBar {
    let (bar, form) = match total {
        Some(total) => (ProgressBar::new(total), "{prefix} [{bar:30}] {percent}% {msg}"),
        None => (ProgressBar::new_spinner(), "{prefix} {spinner} {msg}"),
    };
    let style = ProgressStyle::with_template(form).unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.set_style(style);
    bar.set_prefix(name.to_owned());
    bar
}
