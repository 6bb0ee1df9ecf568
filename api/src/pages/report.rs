//! A page made of blocks one below the other: sentences, facts, tables, drawings, commands.

use askama::Template;

use super::frame::{Frame, Section};
use super::listing::{Cell, Choose, Filter, Part, Tab, Table, Tag};
use super::paging::PageItem;
use super::{Link, Page};

/// Where the bars of a drawing begin, from the left.
const LEFT: u32 = 48;
/// How much room there is for bars, and for one of them at most and at least.
const ROOM: u32 = 676;
const WIDEST: u32 = 104;
const NARROWEST: u32 = 46;
/// The height of the longest bar.
const HEIGHT: u64 = 170;

/// A page made of blocks.
#[derive(Debug, Clone, Template)]
#[template(path = "report.html")]
pub struct Report {
    /// What surrounds the page.
    pub frame: Frame,
    /// The entry of the navigation under which it stands.
    pub section: Section,
    /// Its heading.
    pub heading: String,
    /// What it is for, as a sentence.
    pub purpose: String,
    /// The paragraphs that ask for it.
    pub paragraphs: Vec<Link>,
    /// The pages above it.
    pub crumbs: Vec<Link>,
    /// The pages beside it.
    pub tabs: Vec<Tab>,
    /// What it is chosen by.
    pub filter: Option<Filter>,
    /// When it was read, in words.
    pub checked_at: String,
    /// The same as files.
    pub downloads: Vec<Link>,
    /// What it says.
    pub blocks: Vec<Block>,
}

impl Page for Report {
    fn frame(&self) -> &Frame {
        &self.frame
    }

    fn section(&self) -> Option<Section> {
        Some(self.section)
    }

    fn heading(&self) -> String {
        self.heading.clone()
    }

    fn purpose(&self) -> String {
        self.purpose.clone()
    }

    fn crumbs(&self) -> Vec<Link> {
        self.crumbs.clone()
    }
}

/// A part of a page.
#[derive(Debug, Clone)]
pub enum Block {
    /// A heading.
    Heading {
        /// Its id.
        id: &'static str,
        /// Its words.
        text: String,
    },
    /// A sentence or several.
    Words(String),
    /// What the page answers, with statuses.
    Answer {
        /// The answer.
        sentence: String,
        /// Statuses.
        tags: Vec<Tag>,
    },
    /// Names with what is said of each.
    Facts {
        /// Its id.
        id: &'static str,
        /// Name and value.
        rows: Vec<(String, Cell)>,
    },
    /// A table.
    Table(Table),
    /// Lines to be typed at a terminal.
    Commands(Vec<String>),
    /// A drawing, with its table below.
    Chart(Chart),
    /// A form of choices.
    Pick(Pick),
    /// What is recorded from now on, as it comes: where scripts run; everywhere a way to look again.
    Live {
        /// Where it comes from.
        stream: String,
        /// The list anew.
        again: Link,
    },
    /// The parts of a list before and after.
    Steps {
        /// What stands earlier in the log.
        earlier: Option<Link>,
        /// What stands later.
        later: Option<Link>,
    },
}

impl Block {
    /// A heading.
    pub fn heading(id: &'static str, text: impl Into<String>) -> Self {
        Self::Heading { id, text: text.into() }
    }

    /// A sentence or several.
    pub fn words(text: impl Into<String>) -> Self {
        Self::Words(text.into())
    }
}

/// A form of choices, sent by GET.
#[derive(Debug, Clone)]
pub struct Pick {
    /// Where it is sent.
    pub action: String,
    /// Parameters that it must not lose.
    pub carried: Vec<(String, String)>,
    /// What is chosen.
    pub choices: Vec<Choose>,
    /// The words of its button.
    pub button: &'static str,
}

/// Bars, drawn without colour alone saying anything: each bears its number.
#[derive(Debug, Clone)]
pub struct Chart {
    /// Its id.
    pub id: &'static str,
    /// What it shows.
    pub title: String,
    /// What it says, for those who do not see it.
    pub summary: String,
    /// Its width.
    pub width: u32,
    /// The width of a bar.
    pub bar_width: u32,
    /// Lines across.
    pub lines: Vec<Line>,
    /// The bars.
    pub bars: Vec<Bar>,
}

/// A line across.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// How far from the top.
    pub y: u64,
    /// What it stands for.
    pub text: String,
}

/// A bar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bar {
    /// Where it begins.
    pub x: u32,
    /// Where its words stand.
    pub middle: u32,
    /// Its height; none where there is nothing to draw.
    pub height: Option<u64>,
    /// What it is of.
    pub label: String,
    /// What it says.
    pub value: String,
}

impl Bar {
    /// How far from the top its number stands.
    #[must_use]
    pub fn value_y(&self) -> u64 {
        194 - self.height.unwrap_or(0)
    }
}

impl Chart {
    /// Bars up to `most`; each has a label, its value where it has one, and the words for it.
    pub fn bars(
        id: &'static str,
        title: impl Into<String>,
        summary: impl Into<String>,
        (most, unit): (u64, &str),
        bars: impl IntoIterator<Item = (String, Option<u64>, String)>,
    ) -> Self {
        let most = most.max(1);
        let height = |value: u64| value.min(most) * HEIGHT / most;
        let bars: Vec<_> = bars.into_iter().collect();
        let count = u32::try_from(bars.len()).unwrap_or(0);
        let step = (ROOM / count.max(1)).clamp(NARROWEST, WIDEST);
        let bar_width = step - 12;
        let bars: Vec<Bar> = bars
            .into_iter()
            .zip(0u32..)
            .map(|((label, value, words), number)| {
                let x = LEFT + 6 + number * step;
                Bar { x, middle: x + bar_width / 2, height: value.map(height), label, value: words }
            })
            .collect();
        let lines = [0, most / 2, most]
            .into_iter()
            .map(|value| Line { y: 200 - height(value), text: format!("{value}{unit}") });
        let width = LEFT + 12 + ROOM.max(count * step);
        let mut lines: Vec<Line> = lines.collect();
        lines.dedup();
        Self { id, title: title.into(), summary: summary.into(), width, bar_width, lines, bars }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_high_as_its_part_of_the_most_and_none_is_drawn_where_there_is_no_value() {
        let bar = |label: &str, value: Option<u64>| (label.to_owned(), value, String::new());
        let bars = [bar("Jan", Some(100)), bar("Feb", Some(50)), bar("Mar", None), bar("Apr", Some(0))];
        let chart = Chart::bars("c", "t", "s", (100, " %"), bars);
        let heights: Vec<Option<u64>> = chart.bars.iter().map(|bar| bar.height).collect();
        assert_eq!(heights, [Some(170), Some(85), None, Some(0)]);
        assert!(chart.bars.windows(2).all(|pair| pair[1].x == pair[0].x + chart.bar_width + 12));
        assert!(chart.bars.iter().all(|bar| bar.x + chart.bar_width <= chart.width));
        let lines: Vec<&str> = chart.lines.iter().map(|line| line.text.as_str()).collect();
        assert_eq!(lines, ["0 %", "50 %", "100 %"]);
    }
}
