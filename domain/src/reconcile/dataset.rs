//! The minimum dataset as data: what a check of a record goes through.

use serde::Serialize;

use crate::policy::coverage::Check;
use crate::policy::toml_reader::{Reader, Table};
use crate::policy::{PolicyError, PolicyFiles, Problem, normalised, shipped_files};

/// The file in a policy folder.
pub const FILE: &str = "minimum-dataset.toml";

/// Whose part of the record an item is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// The probation service's.
    Probation,
    /// The prison's.
    Prison,
}

/// One thing that a record must hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Item {
    /// The word that a check names when it is missing.
    pub id: String,
    /// What is looked at.
    pub words: String,
    /// The paragraph.
    pub paragraph: String,
    /// The framework's words.
    pub quote: String,
    /// Whose part of the record it is.
    pub side: Part,
    /// The reconciliation that it counts for besides.
    #[serde(skip)]
    pub check: Option<Check>,
}

/// A version of the minimum dataset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MinimumDataset {
    /// Its number; 0 is what the framework's own text names.
    pub version: u16,
    /// The items, in the order of a check.
    pub items: Vec<Item>,
}

impl MinimumDataset {
    /// The one that ships with the program.
    ///
    /// # Errors
    /// Never in a released build: a test loads it.
    pub fn shipped() -> Result<Self, PolicyError> {
        Self::load(&shipped_files())
    }

    /// Reads it from the files of a policy.
    ///
    /// # Errors
    /// [`PolicyError`] when there is none, a key is wrong, an id stands twice, or a quote is not in the framework.
    pub fn load(files: &PolicyFiles) -> Result<Self, PolicyError> {
        let Some(text) = files.0.get(FILE) else {
            let reason = "the policy has no minimum dataset".to_owned();
            return Err(PolicyError(vec![Problem { file: FILE.to_owned(), line: 0, reason }]));
        };
        let framework = normalised(files.0.get("text.txt").map_or("", String::as_str));
        let reader = Reader::new(FILE, text);
        let mut dataset = Self { version: 0, items: Vec::new() };
        if let Some(parsed) = reader.parse() {
            let root = reader.root(parsed.get_ref());
            dataset.version = root.need("version").and_then(|at| at.number()).unwrap_or(0);
            for at in root.need("items").map(|at| at.items()).unwrap_or_default() {
                let Some(table) = at.table() else { continue };
                if let Some(item) = read_item(&table, &framework) {
                    if dataset.items.iter().any(|known| known.id == item.id) {
                        table.problem(format!("`{}` stands twice", item.id));
                    }
                    dataset.items.push(item);
                }
                table.finish();
            }
            root.finish();
        }
        let problems = reader.into_problems();
        if problems.is_empty() { Ok(dataset) } else { Err(PolicyError(problems)) }
    }
}

fn read_item(table: &Table<'_, '_>, framework: &str) -> Option<Item> {
    let quote = table.need_text("quote");
    if let Some(quote) = quote
        && !framework.contains(&normalised(quote))
    {
        table.problem(format!("the quote {quote:?} does not occur word for word in the policy text"));
    }
    let side = table.need("side").and_then(|at| match at.text()? {
        "probation" => Some(Part::Probation),
        "prison" => Some(Part::Prison),
        _ => at.wrong("`probation` or `prison`"),
    });
    let check = table.get("check").and_then(|at| {
        let found = Check::from_name(at.text()?);
        if found.is_none() { at.wrong("the name of a check") } else { found }
    });
    Some(Item {
        id: table.need_text("id")?.to_owned(),
        words: table.need_text("words")?.to_owned(),
        paragraph: table.need_text("paragraph")?.to_owned(),
        quote: quote?.to_owned(),
        side: side?,
        check,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_0_is_quoted_from_the_framework_item_by_item() {
        let dataset = MinimumDataset::shipped().unwrap_or_else(|wrong| panic!("{wrong}"));
        assert_eq!((dataset.version, dataset.items.len()), (0, 15));
        let levels: Vec<&str> = dataset
            .items
            .iter()
            .filter(|item| item.check == Some(Check::LevelDiffers))
            .map(|item| item.id.as_str())
            .collect();
        assert_eq!(levels, super::super::LEVEL_ITEMS);
    }

    #[test]
    fn a_quote_that_is_not_there_and_an_item_told_twice_are_named_with_their_line() {
        for (from, to, told) in [
            ("current address, MAPPA", "current abode, MAPPA", "does not occur word for word"),
            ("id = \"telecoms\"", "id = \"address\"", "`address` stands twice"),
            ("side = \"prison\"", "side = \"court\"", "expected `probation` or `prison`"),
        ] {
            let mut files = shipped_files();
            let text = files.0[FILE].replacen(from, to, 1);
            files.0.insert(FILE.to_owned(), text);
            let error = MinimumDataset::load(&files).unwrap_err().to_string();
            assert!(error.contains("minimum-dataset.toml: line ") && error.contains(told), "{error}");
        }
    }
}
