//! The people that one may be in the demonstration: one of each kind of user.

use mandate_domain::fact::FactError;
use mandate_domain::time::{Date, Instant};
use mandate_store::{Claim, NewEvent};
use serde_json::json;

use crate::generate::{Options, reference_csv};

/// The user of the administrator.
const ADMINISTRATOR: &str = "user/u-administrator";
/// The invented name.
const ADMINISTRATOR_NAME: &str = "Ffion Marlowe";
/// Days after the end of the history for which the administrator's vetting holds.
const VETTED_DAYS: i32 = 500;

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

/// The people of a history, the administrator of the demonstration last: of its second area, which falls behind, and there, in a unit, who
/// `may` use ViSOR at present.
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
    // Who may use ViSOR comes first, of the first unit that has one.
    let in_role = |parents: &[&Row], role: &str| {
        let all = || {
            let in_one = |parent: &Row| {
                let own = of_kind("user").filter(|row| row.parent == parent.id && row.post == role);
                own.collect::<Vec<_>>()
            };
            parents.iter().flat_map(move |parent| in_one(parent))
        };
        all().find(|row| may(&row.user)).or_else(|| all().next())
    };
    let unit_of =
        |user: Option<&Row>| units.iter().find(|unit| user.is_some_and(|row| row.parent == unit.id));
    let in_unit =
        |user: Option<&Row>| Scope { holders: Vec::new(), unit: user.map(|row| row.parent.clone()) };
    let lpc = in_role(&units, "lpc");
    let administrator = in_role(&units, "case-administrator");
    let spo = in_role(&units, "spo");
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
        ("lpc", lpc, place("LPC", unit_of(lpc)), "What does my unit have to do next?", in_unit(lpc)),
        (
            "administrator",
            administrator,
            place("Case administrator", unit_of(administrator)),
            "What must I do next?",
            in_unit(administrator),
        ),
        ("spo", spo, place("Senior probation officer", unit_of(spo)), "Is my team up to date?", in_unit(spo)),
        (
            "visor-lead",
            lead,
            place("ViSOR lead", prison.as_ref()),
            "Which prisoners still need a partnership today?",
            in_prison,
        ),
        (
            "smb-member",
            in_role(&[area], "smb-member"),
            place("SMB member", Some(&area)),
            "Are we compliant, is it getting better, and how are others doing?",
            Scope::default(),
        ),
        (
            "auditor",
            in_role(&[area], "auditor"),
            place("Auditor", None),
            "What did you know on that day, and why was this a breach?",
            Scope::default(),
        ),
    ];
    let told = chosen.into_iter().filter_map(|(id, row, role, comes_for, scope)| {
        Some(Person {
            id: id.to_owned(),
            user: row?.user.clone(),
            name: row?.name.clone(),
            role,
            comes_for,
            scope,
        })
    });
    let administrator = Person {
        id: "system-administrator".to_owned(),
        user: ADMINISTRATOR.to_owned(),
        name: ADMINISTRATOR_NAME.to_owned(),
        role: "System administrator".to_owned(),
        comes_for: "Is everything running, and has anything gone silent?",
        scope: Scope::default(),
    };
    told.chain([administrator]).collect()
}

/// The facts that make the administrator known, whom the history does not have.
///
/// # Errors
/// What is wrong with one.
pub(super) fn administrator(options: &Options, at: Instant) -> Result<Vec<NewEvent>, FactError> {
    let text = reference_csv(options);
    let mut rows = csv::Reader::from_reader(text.as_bytes());
    let area =
        rows.records().filter_map(Result::ok).map(|record| row(&record)).find(|row| row.kind == "area");
    let Some(area) = area else { return Ok(Vec::new()) };
    let personal = json!({"name": ADMINISTRATOR_NAME, "email": "ffion.marlowe@example.org"});
    let expires_on = Date::from(options.until).plus_days(VETTED_DAYS).to_string();
    let facts = [
        (
            "user.registered",
            json!({"org": area.id, "role": "other", "service": "probation", "personal": personal}),
        ),
        ("vetting.cleared", json!({"level": 3, "expires_on": expires_on})),
        ("token.granted", json!({"token": "admin"})),
    ];
    let event = |(kind, data): (&str, serde_json::Value)| {
        let event = json!({
            "specversion": "1.0", "id": kind, "source": "/demonstration", "type": kind,
            "subject": ADMINISTRATOR, "time": at.to_string(), "data": data,
        });
        NewEvent::from_value(&event, Claim::Ignore)
    };
    facts.into_iter().map(event).collect()
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
    fn there_is_one_of_each_kind_of_user_and_the_first_is_a_cpc() {
        let people = people(&Options::scale(Scale::Small), &|_| true);
        let ids: Vec<&str> = people.iter().map(|person| person.id.as_str()).collect();
        let wanted = [
            "cpc",
            "lpc",
            "administrator",
            "spo",
            "visor-lead",
            "smb-member",
            "auditor",
            "system-administrator",
        ];
        assert_eq!(ids, wanted);
        assert!(people.iter().all(|person| person.user.starts_with("user/")));
        assert!(people[0].role.starts_with("CPC, "));
        assert!(people[0].scope.covers().len() > 1 && people[6].scope.covers().is_empty());
    }
}
