//! One line for each figure: ours, as shipped, the ratio, what is promised and whether it is reached.

use std::fmt;

use serde_json::json;

/// A limit that is reached at it.
#[derive(Debug, Clone, Copy)]
pub enum Limit {
    AtLeast(f64),
    AtMost(f64),
}

/// What is promised of a figure.
#[derive(Debug, Clone, Copy)]
pub enum Promised {
    /// Of ours divided by as shipped.
    Ratio(Limit),
    /// Of ours alone.
    Ours(Limit),
    /// Nothing; it is there to be compared.
    Nothing,
}

/// A figure.
#[derive(Debug)]
pub struct Figure {
    pub promise: &'static str,
    pub work: String,
    pub unit: &'static str,
    pub ours: f64,
    pub as_shipped: Option<f64>,
    pub promised: Promised,
}

/// How figures are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Text,
    Json,
}

impl Limit {
    fn holds(self, value: f64) -> bool {
        match self {
            Self::AtLeast(limit) => value >= limit,
            Self::AtMost(limit) => value <= limit,
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtLeast(limit) => write!(f, ">= {limit}"),
            Self::AtMost(limit) => write!(f, "<= {limit}"),
        }
    }
}

impl Figure {
    /// Ours divided by as shipped.
    fn ratio(&self) -> Option<f64> {
        self.as_shipped.map(|as_shipped| self.ours / as_shipped)
    }

    fn reached(&self) -> Option<bool> {
        match self.promised {
            Promised::Ratio(limit) => self.ratio().map(|ratio| limit.holds(ratio)),
            Promised::Ours(limit) => Some(limit.holds(self.ours)),
            Promised::Nothing => None,
        }
    }

    fn promised_text(&self) -> String {
        match self.promised {
            Promised::Ratio(limit) => format!("{limit} x"),
            Promised::Ours(limit) => format!("{limit} {}", self.unit),
            Promised::Nothing => String::new(),
        }
    }

    /// Prints it.
    pub fn print(&self, format: Format) {
        match format {
            Format::Text => println!("{self}"),
            Format::Json => println!(
                "{}",
                json!({
                    "promise": self.promise, "work": self.work, "unit": self.unit, "ours": self.ours,
                    "as_shipped": self.as_shipped, "ratio": self.ratio(), "promised": self.promised_text(),
                    "reached": self.reached(),
                })
            ),
        }
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = |value: f64| if value < 100.0 { 2 } else { 0 };
        let value = |value: f64| format!("{value:.*} {}", digits(value), self.unit);
        let ratio = self.ratio().map(|ratio| format!("{ratio:.2} x"));
        write!(
            f,
            "{:<4} {:<52} ours {:>16}  as shipped {:>16}  {:>9}  promised {:>12}  {}",
            self.promise,
            self.work,
            value(self.ours),
            self.as_shipped.map_or_else(|| "-".to_owned(), value),
            ratio.as_deref().unwrap_or("-"),
            self.promised_text(),
            match self.reached() {
                Some(true) => "reached",
                Some(false) => "MISSED",
                None => "",
            }
        )
    }
}
