//! Organisations and people from CSV, as the first facts of a new log.
//!
//! Every row is checked before anything is made of it; a mistake names its line and column.

mod facts;
mod rows;

use std::fmt;

use mandate_domain::time::Instant;
use mandate_store::NewEvent;

use rows::Row;

/// The columns of the file.
pub const COLUMNS: [&str; 7] = ["kind", "id", "name", "parent", "post", "user", "email"];

/// What the columns mean, for help and errors.
pub const HELP: &str = "\
The file is CSV with a header. Columns: kind,id,name,parent,post,user,email.

  kind          id             name    parent                   post          user      email
  region        region/N54     name    -                        -             -         -
  area          area/A07       name    its region               -             -         -
  unit          unit/U71       name    its area                 -             -         -
  prison-group  prison-group/G name    its region, or none      -             -         -
  prison        prison/LEI     name    its group or region      -             -         -
  post          organisation   person  -                        cpc, lpc, visor-lead or deputy-cpc, then user and email
  user          user/u-00001   person  its organisation         its role      -         address

An id is always written whole, with its prefix. An organisation that is named must have a row of its own.
At least one row of kind `post` names a CPC: nobody else can be told of a breach.";

/// A mistake in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// The line, from 1; the header is line 1.
    pub line: u64,
    /// The column, where one is to blame.
    pub column: Option<&'static str>,
    /// What is wrong, and what would be right.
    pub reason: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.column {
            Some(column) => write!(f, "line {}, column `{column}`: {}", self.line, self.reason),
            None => write!(f, "line {}: {}", self.line, self.reason),
        }
    }
}

/// Organisations and people, as facts.
#[derive(Debug, Default)]
pub struct Reference {
    /// The facts, in the order in which they are to be stated.
    pub facts: Vec<NewEvent>,
    /// How many organisations there are.
    pub organisations: usize,
    /// How many people there are.
    pub people: usize,
    /// How many posts are filled.
    pub posts: usize,
}

/// Reads the file; `now` becomes the time of every fact.
///
/// # Errors
/// Every mistake found, by line.
pub fn read(text: &str, now: Instant) -> Result<Reference, Vec<Mistake>> {
    let (rows, mut mistakes) = rows::read(text);
    mistakes.extend(rows::mistakes(&rows));
    let mut reference = Reference::default();
    if mistakes.is_empty() {
        match facts::of_rows(&rows, now) {
            Ok(facts) => reference.facts = facts,
            Err(found) => mistakes.extend(found),
        }
    }
    if !mistakes.is_empty() {
        mistakes.sort_by_key(|mistake| mistake.line);
        return Err(mistakes);
    }
    for row in &rows {
        match row {
            Row { kind: rows::Kind::Organisation(_), .. } => reference.organisations += 1,
            Row { kind: rows::Kind::Post, .. } => reference.posts += 1,
            Row { kind: rows::Kind::User, .. } => {}
        }
    }
    reference.people = facts::people(&rows).len();
    Ok(reference)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "kind,id,name,parent,post,user,email\n";
    const GOOD: &str = "\
region,region/R1,North,,,,
area,area/A01,Ashmere,region/R1,,,
unit,unit/U1,Ashmere East,area/A01,,,
post,area/A01,Una Idowu,,cpc,user/u-1,una@example.gov.uk
user,user/u-2,Bryn Oak,unit/U1,practitioner,,bryn@example.gov.uk
";

    fn now() -> Instant {
        Instant::parse("2026-03-02T09:00:00Z").unwrap()
    }

    fn mistakes(rows: &str) -> Vec<String> {
        read(&format!("{HEADER}{rows}"), now()).unwrap_err().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn organisations_come_before_the_people_who_work_there() {
        let reference = read(&format!("{HEADER}{GOOD}"), now()).unwrap();
        assert_eq!((reference.organisations, reference.people, reference.posts), (3, 2, 1));
        let types: Vec<_> =
            reference.facts.iter().map(|event| (event.fact().kind.name(), &*event.fact().subject)).collect();
        let wanted = [
            ("organisation.placed", "area/A01"),
            ("organisation.enrolled", "area/A01"),
            ("organisation.placed", "unit/U1"),
            ("organisation.enrolled", "unit/U1"),
            ("user.registered", "user/u-1"),
            ("user.registered", "user/u-2"),
            ("post.filled", "area/A01"),
        ];
        assert_eq!(types, wanted);
        let cpc = reference.facts.iter().find(|event| &*event.fact().subject == "user/u-1").unwrap();
        assert_eq!(cpc.private().get("personal").unwrap()["email"], "una@example.gov.uk");
        assert!(reference.facts.iter().all(|event| &*event.fact().source == "/init"));
    }

    #[test]
    fn each_kind_of_mistake_is_named_with_line_and_column() {
        for (from, to, wanted) in [
            ("area,area/A01", "aera,area/A01", "line 3, column `kind`: `aera` is not one of"),
            ("area,area/A01", "area,A01", "line 3, column `id`: `A01`: write it whole, `area/A01`"),
            (
                "Ashmere,region/R1",
                "Ashmere,region/R9",
                "line 3, column `parent`: `region/R9` has no row of its own",
            ),
            ("Ashmere,region/R1", "Ashmere,", "line 3, column `parent`: empty; an area belongs to a region"),
            (
                "East,area/A01",
                "East,region/R1",
                "line 4, column `parent`: `region/R1`: a unit belongs to an area",
            ),
            (
                ",cpc,",
                ",boss,",
                "line 5, column `post`: `boss` is not one of cpc, lpc, visor-lead, deputy-cpc",
            ),
            ("user/u-1,una@", "user/u-1,una", "line 5, column `email`: `"),
            (",practitioner,", ",chief,", "line 6, column `post`: expected one of \"case-administrator\""),
            ("unit/U1,practitioner", "unit/U9,practitioner", "line 6, column `parent`: `unit/U9` has no row"),
            ("unit,unit/U1", "area,area/A01", "line 4, column `id`: `area/A01` stands in line 3 already"),
            (",cpc,", ",lpc,", "line 1: nobody is CPC"),
        ] {
            assert!(GOOD.contains(from), "{from}");
            let found = mistakes(&GOOD.replacen(from, to, 1));
            assert!(found.iter().any(|mistake| mistake.starts_with(wanted)), "{from} -> {to}: {found:?}");
        }
    }

    #[test]
    fn a_header_without_kind_or_with_an_unknown_column_is_refused() {
        let found = read("kinds,id\narea,area/A01\n", now()).unwrap_err();
        assert!(found[0].to_string().starts_with("line 1: unknown column `kinds`"), "{found:?}");
    }

    #[test]
    fn the_demonstrations_own_file_is_right() {
        let options = crate::generate::Options::scale(crate::generate::Scale::Small);
        let reference = read(&crate::generate::reference_csv(&options), now()).unwrap();
        assert!(reference.organisations > 10 && reference.people > 100 && reference.posts > 10);
    }
}
