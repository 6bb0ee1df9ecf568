//! The rows of the file, and what can be wrong with them.

use std::collections::HashMap;

use mandate_domain::catalogue::SubjectKind;

use super::{COLUMNS, Mistake};

/// What a row tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Organisation(SubjectKind),
    Post,
    User,
}

/// One row as it stands; an absent cell is empty.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub line: u64,
    pub kind: Kind,
    pub id: String,
    pub name: String,
    pub parent: String,
    pub post: String,
    pub user: String,
    pub email: String,
}

/// The posts of the catalogue.
pub(super) const POSTS: [&str; 4] = ["cpc", "lpc", "visor-lead", "deputy-cpc"];

const KINDS: [(&str, Kind); 7] = [
    ("region", Kind::Organisation(SubjectKind::Region)),
    ("area", Kind::Organisation(SubjectKind::Area)),
    ("unit", Kind::Organisation(SubjectKind::Unit)),
    ("prison-group", Kind::Organisation(SubjectKind::PrisonGroup)),
    ("prison", Kind::Organisation(SubjectKind::Prison)),
    ("post", Kind::Post),
    ("user", Kind::User),
];

/// Reads the rows; one whose kind is unknown is left out and named.
pub(super) fn read(text: &str) -> (Vec<Row>, Vec<Mistake>) {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
    let mut mistakes = Vec::new();
    let header: Vec<String> = match reader.headers() {
        Ok(header) => header.iter().map(str::to_owned).collect(),
        Err(error) => return (Vec::new(), vec![of_csv(&error)]),
    };
    for name in header.iter().filter(|name| !COLUMNS.contains(&name.as_str())) {
        mistakes.push(in_file(format!("unknown column `{name}`; known are {}", COLUMNS.join(", "))));
    }
    for needed in COLUMNS.iter().filter(|needed| !header.iter().any(|name| name == *needed)) {
        mistakes.push(in_file(format!("column `{needed}` is missing; known are {}", COLUMNS.join(", "))));
    }
    if !mistakes.is_empty() {
        return (Vec::new(), mistakes);
    }
    let mut rows = Vec::new();
    for record in reader.records() {
        match record {
            Err(error) => mistakes.push(of_csv(&error)),
            Ok(record) => match row(&header, &record) {
                Ok(row) => rows.push(row),
                Err(mistake) => mistakes.push(mistake),
            },
        }
    }
    (rows, mistakes)
}

fn row(header: &[String], record: &csv::StringRecord) -> Result<Row, Mistake> {
    let line = record.position().map_or(0, csv::Position::line);
    let cell = |column: &str| {
        let at = header.iter().position(|name| name == column);
        at.and_then(|at| record.get(at)).unwrap_or_default().to_owned()
    };
    let written = cell("kind");
    let Some((_, kind)) = KINDS.iter().find(|(name, _)| *name == written) else {
        let known: Vec<_> = KINDS.iter().map(|(name, _)| *name).collect();
        return Err(wrong(line, "kind", format!("`{written}` is not one of {}", known.join(", "))));
    };
    Ok(Row {
        line,
        kind: *kind,
        id: cell("id"),
        name: cell("name"),
        parent: cell("parent"),
        post: cell("post"),
        user: cell("user"),
        email: cell("email"),
    })
}

/// What is wrong with rows that can be read: ids, places, posts, addresses.
pub(super) fn mistakes(rows: &[Row]) -> Vec<Mistake> {
    let mut mistakes = Vec::new();
    let mut seen: HashMap<(&str, &str, &str), u64> = HashMap::new();
    for row in rows {
        let key = match row.kind {
            Kind::Organisation(_) | Kind::User => (row.id.as_str(), "", ""),
            Kind::Post => (row.id.as_str(), row.post.as_str(), row.user.as_str()),
        };
        if let Some(first) = seen.insert(key, row.line) {
            mistakes.push(wrong(row.line, "id", format!("`{}` stands in line {first} already", row.id)));
        }
        mistakes.extend(of_row(row, rows).err());
    }
    if !rows.iter().any(|row| row.kind == Kind::Post && row.post == "cpc") {
        let reason = "nobody is CPC: add a row of kind `post` with post `cpc`, the area in `id` and the person in \
                      `user`, `name` and `email`";
        mistakes.push(in_file(reason.to_owned()));
    }
    mistakes
}

fn of_row(row: &Row, rows: &[Row]) -> Result<(), Mistake> {
    match row.kind {
        Kind::Organisation(kind) => {
            prefixed(row, "id", &row.id, kind)?;
            placed(row, rows, kind)
        }
        Kind::User => {
            prefixed(row, "id", &row.id, SubjectKind::User)?;
            let police = SubjectKind::of(&row.parent) == Some(SubjectKind::Police);
            if !police {
                is_listed(row, "parent", &row.parent, rows)?;
            }
            address(row)
        }
        Kind::Post => {
            is_listed(row, "id", &row.id, rows)?;
            if !POSTS.contains(&row.post.as_str()) {
                let reason = format!("`{}` is not one of {}", row.post, POSTS.join(", "));
                return Err(wrong(row.line, "post", reason));
            }
            prefixed(row, "user", &row.user, SubjectKind::User)?;
            address(row)
        }
    }
}

fn prefixed(row: &Row, column: &'static str, id: &str, kind: SubjectKind) -> Result<(), Mistake> {
    if SubjectKind::of(id) == Some(kind) {
        return Ok(());
    }
    let reason = match (id.is_empty(), id.contains('/')) {
        (true, _) => format!("empty; expected an id such as `{kind}/…`"),
        (false, false) => format!("`{id}`: write it whole, `{kind}/{id}`"),
        (false, true) => format!("`{id}`: expected an id such as `{kind}/…`"),
    };
    Err(wrong(row.line, column, reason))
}

/// Whether the parent is of the right kind and has a row.
fn placed(row: &Row, rows: &[Row], kind: SubjectKind) -> Result<(), Mistake> {
    let (words, parents, optional): (_, &[SubjectKind], _) = match kind {
        SubjectKind::Area => ("an area belongs to a region", &[SubjectKind::Region], false),
        SubjectKind::Unit => ("a unit belongs to an area", &[SubjectKind::Area], false),
        SubjectKind::Prison => (
            "a prison belongs to a prison group or a region",
            &[SubjectKind::PrisonGroup, SubjectKind::Region],
            false,
        ),
        SubjectKind::PrisonGroup => {
            ("a prison group belongs to a region or to none", &[SubjectKind::Region], true)
        }
        _ => ("a region belongs to none", &[], true),
    };
    if row.parent.is_empty() {
        return if optional { Ok(()) } else { Err(wrong(row.line, "parent", format!("empty; {words}"))) };
    }
    if !SubjectKind::of(&row.parent).is_some_and(|found| parents.contains(&found)) {
        return Err(wrong(row.line, "parent", format!("`{}`: {words}", row.parent)));
    }
    is_listed(row, "parent", &row.parent, rows)
}

fn is_listed(row: &Row, column: &'static str, id: &str, rows: &[Row]) -> Result<(), Mistake> {
    let listed = rows.iter().any(|other| matches!(other.kind, Kind::Organisation(_)) && other.id == id);
    if listed {
        return Ok(());
    }
    let reason = if id.is_empty() {
        "empty; expected the id of an organisation of this file".to_owned()
    } else {
        format!("`{id}` has no row of its own; add the organisation, or mend the id")
    };
    Err(wrong(row.line, column, reason))
}

fn address(row: &Row) -> Result<(), Mistake> {
    let email = &row.email;
    let right = email.split_once('@').is_some_and(|(name, domain)| {
        !name.is_empty()
            && domain.contains('.')
            && !domain.contains('@')
            && !email.contains(char::is_whitespace)
    });
    if email.is_empty() || right {
        return Ok(());
    }
    Err(wrong(row.line, "email", format!("`{email}` is not an address such as name@example.gov.uk")))
}

pub(super) fn wrong(line: u64, column: &'static str, reason: String) -> Mistake {
    Mistake { line, column: Some(column), reason }
}

fn in_file(reason: String) -> Mistake {
    Mistake { line: 1, column: None, reason }
}

fn of_csv(error: &csv::Error) -> Mistake {
    let line = error.position().map_or(1, csv::Position::line);
    let reason = match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("{len} cells, but the header has {expected_len}")
        }
        csv::ErrorKind::Utf8 { .. } => "not UTF-8".to_owned(),
        _ => error.to_string(),
    };
    Mistake { line, column: None, reason }
}
