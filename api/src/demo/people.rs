//! The five people that one may be in the demonstration.

use crate::generate::{Options, reference_csv};

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The value that the sign-in form sends.
    pub id: String,
    /// The user as whom they act.
    pub user: String,
    /// The invented name.
    pub name: String,
    /// Role and place in words.
    pub role: String,
    /// What they come for, in one line.
    pub comes_for: &'static str,
    /// The duties that are theirs.
    pub scope: Scope,
}

/// Which open duties are somebody's work; an empty one is every duty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    holders: Vec<String>,
    unit: Option<String>,
}

impl Scope {
    /// The duties of a unit.
    #[must_use]
    pub fn of_unit(unit: &str) -> Self {
        Self { holders: Vec::new(), unit: Some(unit.to_owned()) }
    }

    /// The duties of holders.
    #[must_use]
    pub const fn of_holders(holders: Vec<String>) -> Self {
        Self { holders, unit: None }
    }

    /// Holders and units to ask for, one pair for each list.
    #[must_use]
    pub fn filters(&self) -> Vec<(Vec<String>, Vec<String>)> {
        match &self.unit {
            None => vec![(self.holders.clone(), Vec::new())],
            Some(unit) => vec![(Vec::new(), vec![unit.clone()]), (vec![unit.clone()], Vec::new())],
        }
    }

    /// The same as parameters of an address.
    #[must_use]
    pub fn parameters(&self) -> String {
        match &self.unit {
            Some(unit) => format!("&unit={unit}"),
            None => self.holders.iter().map(|holder| format!("&holder={holder}")).collect(),
        }
    }

    /// The organisations that it covers.
    #[must_use]
    pub fn covers(&self) -> Vec<String> {
        self.unit.iter().chain(&self.holders).cloned().collect()
    }
}

/// One row of the generator's reference data.
struct Row {
    kind: String,
    id: String,
    name: String,
    parent: String,
    post: String,
    user: String,
}

/// The five people of a history: of its second area, which falls behind, and there of a unit whose people `may` use ViSOR
/// at present.
#[must_use]
pub fn people(options: &Options, may: &dyn Fn(&str) -> bool) -> Vec<Person> {
    let text = reference_csv(options);
    let rows: Vec<Row> = csv::Reader::from_reader(text.as_bytes())
        .records()
        .filter_map(Result::ok)
        .map(|record| row(&record))
        .collect();
    let of_kind = |kind: &'static str| rows.iter().filter(move |row| row.kind == kind);
    let Some(area) = of_kind("area").nth(1).or_else(|| of_kind("area").next()) else { return Vec::new() };
    let units: Vec<&Row> = of_kind("unit").filter(|row| row.parent == area.id).collect();
    let prison = of_kind("prison").next();
    let cpc = of_kind("post").find(|row| row.id == area.id && row.post == "cpc");
    let user = |parent: Option<&&Row>, role: &str| {
        parent.and_then(|parent| of_kind("user").find(|row| row.parent == parent.id && row.post == role))
    };
    let of_unit = |unit: &&Row| -> Vec<&Row> {
        let own = of_kind("user").filter(|row| row.parent == unit.id);
        own.filter(|row| matches!(row.post.as_str(), "spo" | "case-administrator")).collect()
    };
    let all_may = |unit: &&&Row| of_unit(unit).iter().all(|row| may(&row.user));
    let unit = units.iter().find(all_may).or_else(|| units.first());
    let in_unit = Scope { holders: Vec::new(), unit: unit.map(|unit| unit.id.clone()) };
    let mut in_area = vec![area.id.clone()];
    in_area.extend(units.iter().map(|unit| unit.id.clone()));
    let in_area = Scope { holders: in_area, unit: None };
    let in_prison = Scope { holders: prison.iter().map(|prison| prison.id.clone()).collect(), unit: None };
    let lead =
        prison.and_then(|prison| of_kind("post").find(|row| row.id == prison.id && row.post == "visor-lead"));
    let place = |words: &str, place: Option<&&Row>| match place {
        Some(place) => format!("{words}, {} ({})", place.name, place.id),
        None => words.to_owned(),
    };
    let chosen = [
        ("cpc", cpc, place("CPC", Some(&area)), "What did we miss, and what is about to be missed?", in_area),
        (
            "administrator",
            user(unit, "case-administrator"),
            place("Case administrator", unit),
            "What must I do next?",
            in_unit.clone(),
        ),
        (
            "spo",
            user(unit, "spo"),
            place("Senior probation officer", unit),
            "Is my team up to date?",
            in_unit,
        ),
        (
            "visor-lead",
            lead,
            place("ViSOR lead", prison.as_ref()),
            "Which prisoners still need a partnership today?",
            in_prison,
        ),
        (
            "auditor",
            user(Some(&area), "auditor"),
            place("Auditor", None),
            "What did you know on that day, and why was this a breach?",
            Scope::default(),
        ),
    ];
    chosen
        .into_iter()
        .filter_map(|(id, row, role, comes_for, scope)| {
            Some(Person {
                id: id.to_owned(),
                user: row?.user.clone(),
                name: row?.name.clone(),
                role,
                comes_for,
                scope,
            })
        })
        .collect()
}

fn row(record: &csv::StringRecord) -> Row {
    let cell = |at: usize| record.get(at).unwrap_or_default().to_owned();
    Row { kind: cell(0), id: cell(1), name: cell(2), parent: cell(3), post: cell(4), user: cell(5) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::Scale;

    #[test]
    fn there_are_five_and_the_first_is_a_cpc() {
        let people = people(&Options::scale(Scale::Small), &|_| true);
        let ids: Vec<&str> = people.iter().map(|person| person.id.as_str()).collect();
        assert_eq!(ids, ["cpc", "administrator", "spo", "visor-lead", "auditor"]);
        assert!(people.iter().all(|person| person.user.starts_with("user/")));
        assert!(people[0].role.starts_with("CPC, "));
        assert!(people[0].scope.covers().len() > 1 && people[4].scope.covers().is_empty());
    }
}
