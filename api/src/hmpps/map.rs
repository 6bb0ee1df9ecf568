//! From a message to facts: what each event type becomes (the table of spec 2.5). Pure: what the log knows is handed in.

use mandate_domain::catalogue::{FactType, Field, Presence};
use mandate_domain::number;
use mandate_domain::time::{Date, Instant};
use mandate_store::Identifier;
use serde_json::{Map, Value, json};

use super::message::{Message, is_opaque, scalar};
use super::standing::Standing;
use super::when;

/// The numbers by which a message names a person, the CRN first.
pub type Numbers = Vec<(Identifier, String)>;

/// Why a message waits in quarantine; names no value of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Why, as one clause.
    pub reason: String,
    /// The fields that an enrichment, or a later state, has to give.
    pub needs: Vec<String>,
    /// Whom it names, as far as that could be read.
    pub numbers: Numbers,
}

impl Held {
    fn because(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), needs: Vec::new(), numbers: Numbers::new() }
    }

    fn needs(field: &str) -> Self {
        Self { reason: format!("needs {field}"), needs: vec![field.to_owned()], numbers: Numbers::new() }
    }

    fn of(self, numbers: &Numbers) -> Self {
        Self { numbers: numbers.clone(), ..self }
    }
}

/// What a message was read as.
#[derive(Debug, Clone, PartialEq)]
pub enum Reading {
    /// It tells something.
    Useful(Useful),
    /// It is well formed and of no use here; why.
    Ignored(&'static str),
    /// It cannot be used.
    Held(Held),
}

/// What a message tells, before the persons it names are looked up.
#[derive(Debug, Clone, PartialEq)]
pub struct Useful {
    /// When it occurred.
    pub at: Instant,
    /// The person.
    pub person: Numbers,
    /// The other person, where two are merged: the survivor.
    pub into: Option<Numbers>,
    /// Whether it says that the person is managed under MAPPA.
    pub mappa: bool,
    /// What it tells.
    pub what: What,
}

/// What a message tells of its person.
#[derive(Debug, Clone, PartialEq)]
pub enum What {
    /// A fact with what was stated of its data; `from_state` may be filled in from the state.
    Fact {
        /// Its type.
        kind: FactType,
        /// Its data so far.
        data: Map<String, Value>,
        /// Fields that the state may give.
        from_state: &'static [Field],
    },
    /// A registration was removed, as if it had never been.
    Removed {
        /// Its id.
        registration: String,
    },
    /// Two people are one.
    Merged,
    /// They are two after all.
    Unmerged,
    /// The numbers are of one person.
    Linked,
}

/// A fact that is to be stated.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// Its type.
    pub kind: FactType,
    /// Its subject.
    pub subject: String,
    /// Its data.
    pub data: Map<String, Value>,
}

/// Reads a message; `more` goes before the enrichment that came with it.
#[must_use]
pub fn read(message: &Message, more: &Map<String, Value>) -> Reading {
    let body = match &message.body {
        Ok(body) => body,
        Err(reason) => return Reading::Held(Held::because(*reason)),
    };
    let body = Body { body, info: body.get("additionalInformation"), beside: enrichment(message, more) };
    match body.useful() {
        Ok(Some(useful)) => Reading::Useful(useful),
        Ok(None) => Reading::Ignored(body.unused()),
        Err(held) => Reading::Held(held.of(&body.numbers())),
    }
}

/// What stands beside a message, and what was added later before it.
#[must_use]
pub fn enrichment(message: &Message, more: &Map<String, Value>) -> Map<String, Value> {
    let mut all = message.enrichment.clone();
    all.extend(more.clone());
    all
}

struct Body<'m> {
    body: &'m Map<String, Value>,
    info: Option<&'m Value>,
    beside: Map<String, Value>,
}

impl Body<'_> {
    fn event_type(&self) -> Option<&str> {
        self.body.get("eventType")?.as_str().map(str::trim).filter(|text| !text.is_empty())
    }

    fn unused(&self) -> &'static str {
        match self.event_type() {
            Some("assessment.summary.produced") => "the assessment is not complete",
            Some(name) if name.starts_with("probation-case.registration.") => "another register type",
            Some(name) if name.starts_with("person.alert.") => "another alert",
            _ => "another event type",
        }
    }

    /// The first of some members of `additionalInformation` that has a value, else of what stands beside the message.
    fn stated(&self, names: &[&str]) -> Option<String> {
        let within = names.iter().find_map(|name| scalar(self.info?.get(name)));
        within.or_else(|| names.iter().find_map(|name| scalar(self.beside.get(*name))))
    }

    fn needed(&self, names: &[&str]) -> Result<String, Held> {
        self.stated(names).ok_or_else(|| Held::needs(names.first().copied().unwrap_or("a field")))
    }

    /// An id that may stand where anyone may read it.
    fn id(&self, names: &[&str]) -> Result<String, Held> {
        let id = self.needed(names)?;
        if is_opaque(&id) {
            return Ok(id);
        }
        Err(Held::because(format!(
            "{} is no opaque id: too long, or it holds what looks like the number of a person",
            names.first().copied().unwrap_or("a field")
        )))
    }

    fn useful(&self) -> Result<Option<Useful>, Held> {
        let name = self.event_type().ok_or_else(|| Held::needs("eventType"))?;
        let mut mappa = false;
        let mut into = None;
        let what = match name {
            "probation-case.registration.added"
            | "probation-case.registration.updated"
            | "probation-case.registration.deregistered"
            | "probation-case.registration.deleted" => {
                if !self.needed(&["registerTypeCode"])?.eq_ignore_ascii_case("MAPP") {
                    return Ok(None);
                }
                mappa = true;
                self.registration(name)?
            }
            "probation-case.mappa-information.created" => {
                let keyed = ["mappa", "mapps"]
                    .iter()
                    .any(|key| self.info.is_some_and(|info| info.get(key).is_some()));
                if !keyed {
                    return Err(Held::needs("mappa"));
                }
                mappa = true;
                fact(FactType::ContactFlagged, [(Field::Contact, json!(self.id(&["contactId"])?))])
            }
            "assessment.summary.produced" => match self.assessment()? {
                Some(assessment) => fact(FactType::OasysCompleted, [(Field::Assessment, json!(assessment))]),
                None => return Ok(None),
            },
            "prison-offender-events.prisoner.received" => self.received()?,
            "prison-offender-events.prisoner.released" => self.released()?,
            "person.alert.created" | "person.alert.inactive" | "person.alert.deleted" => {
                if !self.needed(&["alertCode"])?.eq_ignore_ascii_case("PVN") {
                    return Ok(None);
                }
                let added = name == "person.alert.created";
                let kind = if added { FactType::AlertAdded } else { FactType::AlertClosed };
                fact(kind, [(Field::Code, json!("PVN"))])
            }
            "person.community.manager.allocated" => {
                fact(FactType::OffenderManagerAllocated, [(Field::Kind, json!("com"))])
            }
            "offender-management.pom.allocated" => {
                fact(FactType::OffenderManagerAllocated, [(Field::Kind, json!("pom"))])
            }
            "calculate-release-dates.prisoner.changed" => fact(FactType::ReleaseDateSet, []),
            "person.temporary-absence-authorisation.approved" => What::Fact {
                kind: FactType::RotlApproved,
                data: self.prison()?.map(|prison| ("prison".to_owned(), json!(prison))).into_iter().collect(),
                from_state: &[Field::Prison],
            },
            "probation-case.merge.completed" => {
                into = Some(self.crn_of(&["targetCRN", "targetCrn"])?);
                What::Merged
            }
            "prison-offender-events.prisoner.merged" => {
                into = Some(self.noms_of(&["nomsNumber"])?);
                What::Merged
            }
            "probation-case.unmerge.completed" => {
                into = Some(self.crn_of(&["unmergedCRN", "unmergedCrn", "targetCRN"])?);
                What::Unmerged
            }
            "probation-case.prison-identifier.added" => What::Linked,
            _ => return Ok(None),
        };
        let person = match (&what, name) {
            (What::Merged, "probation-case.merge.completed") => self.crn_of(&["sourceCRN", "sourceCrn"])?,
            (What::Merged, _) => self.noms_of(&["removedNomsNumber"])?,
            (What::Unmerged, _) => self.crn_of(&["reactivatedCRN", "reactivatedCrn", "sourceCRN"])?,
            _ => self.person()?,
        };
        if what == What::Linked {
            for (kind, field) in [(Identifier::Crn, "CRN"), (Identifier::Noms, "NOMS")] {
                if !person.iter().any(|(found, _)| *found == kind) {
                    return Err(Held::needs(field));
                }
            }
        }
        Ok(Some(Useful { at: self.occurred_at()?, person, into, mappa, what }))
    }

    fn occurred_at(&self) -> Result<Instant, Held> {
        let stated = scalar(self.body.get("occurredAt")).or_else(|| scalar(self.beside.get("occurredAt")));
        let stated = stated.ok_or_else(|| Held::needs("occurredAt"))?;
        when::instant(&stated).ok_or_else(|| Held::because("occurredAt is no instant that can be read"))
    }

    fn registration(&self, name: &str) -> Result<What, Held> {
        let mut data = Map::new();
        let kind = match name {
            "probation-case.registration.deleted" => {
                return Ok(What::Removed { registration: self.id(&["registrationId"])? });
            }
            "probation-case.registration.deregistered" => {
                // What HMPPS sends names the end of the registration only: the state knows which one is open.
                if self.stated(&["registrationId"]).is_some() {
                    data.insert("registration".to_owned(), json!(self.id(&["registrationId"])?));
                }
                self.put_date(&mut data, "deregistrationDate")?;
                let kind = FactType::MappaDeregistered;
                return Ok(What::Fact { kind, data, from_state: &[Field::Registration] });
            }
            "probation-case.registration.updated" => {
                // An empty code leaves what was as it was.
                data.extend(self.category()?.map(|number| ("category".to_owned(), json!(number))));
                data.extend(self.level()?.map(|number| ("level".to_owned(), json!(number))));
                FactType::MappaChanged
            }
            _ => {
                data.insert("category".to_owned(), json!(self.category()?.unwrap_or(0)));
                data.insert("level".to_owned(), json!(self.level()?.unwrap_or(0)));
                self.put_date(&mut data, "registrationDate")?;
                FactType::MappaRegistered
            }
        };
        data.insert("registration".to_owned(), json!(self.id(&["registrationId"])?));
        let from_state: &[Field] = if kind == FactType::MappaRegistered { &[Field::Area] } else { &[] };
        Ok(What::Fact { kind, data, from_state })
    }

    /// `on`, where a date is stated.
    fn put_date(&self, data: &mut Map<String, Value>, name: &str) -> Result<(), Held> {
        let Some(stated) = self.stated(&[name]) else { return Ok(()) };
        let date: Date = when::date(&stated)
            .ok_or_else(|| Held::because(format!("{name} is no date that can be read")))?;
        data.insert("on".to_owned(), json!(date));
        Ok(())
    }

    fn category(&self) -> Result<Option<u8>, Held> {
        let codes = &[("M1", 1), ("M2", 2), ("M3", 3), ("M4", 4), ("X9", 0)];
        self.code(&["registrationCategoryCode", "registerCategoryCode"], codes)
    }

    fn level(&self) -> Result<Option<u8>, Held> {
        let codes = &[("M0", 0), ("M1", 1), ("M2", 2), ("M3", 3), ("X9", 0)];
        self.code(&["registrationLevelCode", "registerLevelCode"], codes)
    }

    fn code(&self, names: &[&str], codes: &[(&str, u8)]) -> Result<Option<u8>, Held> {
        let Some(stated) = self.stated(names) else { return Ok(None) };
        let known =
            codes.iter().find(|(code, _)| stated.eq_ignore_ascii_case(code)).map(|(_, number)| *number);
        let words = || codes.iter().map(|(code, _)| *code).collect::<Vec<_>>().join(", ");
        let name = names.first().copied().unwrap_or("the code");
        known.map(Some).ok_or_else(|| Held::because(format!("{name} is none of {}", words())))
    }

    /// The id of a complete assessment: the segment before `COMPLETE`.
    fn assessment(&self) -> Result<Option<String>, Held> {
        let url = scalar(self.body.get("detailUrl")).unwrap_or_default();
        let path = url.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
        let mut segments = path.rsplit('/');
        if segments.next() != Some("COMPLETE") {
            return Ok(None);
        }
        let id = segments.next().unwrap_or_default();
        if is_opaque(id) {
            return Ok(Some(id.to_owned()));
        }
        Err(Held::because("detailUrl names no assessment before COMPLETE"))
    }

    fn prison(&self) -> Result<Option<String>, Held> {
        let Some(code) = self.stated(&["prisonId"]) else { return Ok(None) };
        let code = code.to_ascii_uppercase();
        let fits = (2..=6).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if fits {
            Ok(Some(format!("prison/{code}")))
        } else {
            Err(Held::because("prisonId is no prison code"))
        }
    }

    fn received(&self) -> Result<What, Held> {
        let stated = self.needed(&["reason"])?.to_ascii_uppercase();
        let reason = match stated.as_str() {
            "ADMISSION" => "admission",
            "TRANSFERRED" => "transfer",
            other if other.contains("RETURN") => "return",
            _ => return Err(Held::because("the reason of the reception is not known here")),
        };
        let mut data = Map::new();
        data.insert("reason".to_owned(), json!(reason));
        data.extend(self.prison()?.map(|prison| ("prison".to_owned(), json!(prison))));
        // The id of the message becomes the spell.
        Ok(What::Fact { kind: FactType::CustodyReceived, data, from_state: &[] })
    }

    fn released(&self) -> Result<What, Held> {
        let stated = self.needed(&["reason"])?.to_ascii_uppercase();
        let movement = self.stated(&["nomisMovementReasonCode"]).unwrap_or_default().to_ascii_uppercase();
        let reason = match (stated.as_str(), movement.as_str()) {
            ("RELEASED", "DEC") => "death",
            ("RELEASED", "UAL") => "unlawfully_at_large",
            ("RELEASED", _) => "release",
            ("TRANSFERRED", _) => "transfer",
            ("RELEASED_TO_HOSPITAL" | "SENT_TO_COURT" | "TEMPORARY_ABSENCE_RELEASE", _) => "temporary",
            _ => return Err(Held::because("the reason of the departure is not known here")),
        };
        let mut data = Map::new();
        data.insert("reason".to_owned(), json!(reason));
        data.extend(self.prison()?.map(|prison| ("prison".to_owned(), json!(prison))));
        Ok(What::Fact { kind: FactType::CustodyLeft, data, from_state: &[Field::Prison, Field::Spell] })
    }

    /// Every number of the person that has the right form.
    fn numbers(&self) -> Numbers {
        let mut found = Numbers::new();
        let listed = self.body.get("personReference").and_then(|person| person.get("identifiers"));
        for identifier in listed.and_then(Value::as_array).into_iter().flatten() {
            let kind = scalar(identifier.get("type")).unwrap_or_default();
            let value = scalar(identifier.get("value")).unwrap_or_default();
            add(&mut found, kind_of(&kind), &value);
        }
        let noms = self.stated(&["nomsNumber", "nomsId", "prisonerNumber"]).unwrap_or_default();
        let crn = self.stated(&["crn", "CRN"]).unwrap_or_default();
        if !found.iter().any(|(kind, _)| *kind == Identifier::Noms) {
            add(&mut found, Some(Identifier::Noms), &noms);
        }
        if !found.iter().any(|(kind, _)| *kind == Identifier::Crn) {
            add(&mut found, Some(Identifier::Crn), &crn);
        }
        found.sort_by_key(|(kind, _)| *kind != Identifier::Crn);
        found
    }

    fn person(&self) -> Result<Numbers, Held> {
        let found = self.numbers();
        if !found.is_empty() {
            return Ok(found);
        }
        let said_something = self.body.get("personReference").is_some_and(|person| !person.is_null())
            || self.stated(&["nomsNumber", "nomsId", "prisonerNumber", "crn", "CRN"]).is_some();
        if said_something {
            return Err(Held {
                needs: vec!["CRN or NOMS".to_owned()],
                ..Held::because("needs CRN or NOMS: the person is named by no number of the right form")
            });
        }
        Err(Held::needs("CRN or NOMS"))
    }

    fn crn_of(&self, names: &[&str]) -> Result<Numbers, Held> {
        let stated = self.needed(names)?;
        let wrong = || Held::because(format!("{} is no CRN", names.first().copied().unwrap_or("a field")));
        Ok(vec![(Identifier::Crn, number::crn(&stated).ok_or_else(wrong)?)])
    }

    fn noms_of(&self, names: &[&str]) -> Result<Numbers, Held> {
        let stated = self.needed(names)?;
        let wrong =
            || Held::because(format!("{} is no NOMS number", names.first().copied().unwrap_or("a field")));
        Ok(vec![(Identifier::Noms, number::noms(&stated).ok_or_else(wrong)?)])
    }
}

fn kind_of(name: &str) -> Option<Identifier> {
    match name.to_ascii_lowercase().as_str() {
        "crn" => Some(Identifier::Crn),
        "noms" | "nomsnumber" | "noms_number" | "nomsid" | "prisonnumber" => Some(Identifier::Noms),
        _ => None,
    }
}

/// Adds a number of the right form; the first of a kind counts.
fn add(found: &mut Numbers, kind: Option<Identifier>, value: &str) {
    let formed = match kind {
        Some(Identifier::Crn) => number::crn(value),
        Some(Identifier::Noms) => number::noms(value),
        Some(Identifier::Pnc | Identifier::VisorRef) | None => None,
    };
    if let (Some(kind), Some(number)) = (kind, formed)
        && !found.iter().any(|(known, _)| *known == kind)
    {
        found.push((kind, number));
    }
}

fn fact<const N: usize>(kind: FactType, data: [(Field, Value); N]) -> What {
    let data = data.into_iter().map(|(field, value)| (field.name().to_owned(), value)).collect();
    What::Fact { kind, data, from_state: &[] }
}

/// Who the person, and the survivor of a merge, are, and how they stand.
#[derive(Debug, Clone, Copy)]
pub struct Persons<'s> {
    /// The nominal whose history counts: the survivor where it was merged.
    pub subject: &'s str,
    /// Its history.
    pub standing: &'s Standing,
    /// The same of the other person.
    pub into: Option<&'s str>,
}

/// The facts that a message becomes; the first is stated under the message's own id.
///
/// # Errors
/// [`Held`] when something is missing.
pub fn facts(
    useful: &Useful,
    message: &Message,
    beside: &Map<String, Value>,
    persons: Persons<'_>,
) -> Result<Vec<Draft>, Held> {
    let one = |kind, data| Draft { kind, subject: persons.subject.to_owned(), data };
    let held = |held: Held| held.of(&useful.person);
    let drafts = match &useful.what {
        What::Fact { kind, data, from_state } => {
            let data = completed(useful.at, *kind, data, from_state, message, beside, persons);
            let mut drafts = vec![one(*kind, data.map_err(held)?)];
            let died = drafts.iter().any(|draft| draft.data.get("reason") == Some(&json!("death")));
            if died {
                drafts.push(one(FactType::NominalDied, Map::new()));
            }
            drafts
        }
        What::Removed { registration } => {
            let named = persons.standing.registration(registration);
            let (source, id) = named.ok_or_else(|| held(Held::needs("registration")))?;
            vec![one(FactType::FactAnnulled, annulment(&source, &id, "the registration was deleted"))]
        }
        What::Unmerged => {
            let (subject, source, id) =
                persons.standing.merge().ok_or_else(|| held(Held::needs("the merge that it undoes")))?;
            let data = annulment(&source, &id, "the merge was undone");
            vec![Draft { kind: FactType::FactAnnulled, subject, data }]
        }
        What::Merged | What::Linked => match persons.into {
            Some(into) if into != persons.subject => {
                let mut data = Map::new();
                data.insert("into".to_owned(), json!(into));
                vec![one(FactType::NominalMerged, data)]
            }
            _ => Vec::new(),
        },
    };
    Ok(drafts)
}

fn annulment(source: &str, id: &str, reason: &str) -> Map<String, Value> {
    let mut data = Map::new();
    data.insert("event".to_owned(), json!({ "source": source, "id": id }));
    data.insert("reason".to_owned(), json!(reason));
    data
}

/// The data of a fact with what stands beside the message, then what the state gives.
fn completed(
    at: Instant,
    kind: FactType,
    stated: &Map<String, Value>,
    from_state: &[Field],
    message: &Message,
    beside: &Map<String, Value>,
    persons: Persons<'_>,
) -> Result<Map<String, Value>, Held> {
    let mut data = stated.clone();
    for spec in kind.own_fields() {
        let name = spec.field.name();
        if let Some(value) = beside.get(name)
            && !data.contains_key(name)
        {
            if value.as_str().is_some_and(|text| !is_opaque(text)) {
                return Err(Held::because(format!(
                    "enrichment.{name} is no opaque id: it is empty, or holds what looks like the number of a person"
                )));
            }
            data.insert(name.to_owned(), value.clone());
        }
    }
    if kind == FactType::CustodyReceived {
        data.entry("spell").or_insert_with(|| json!(message.id));
    }
    for field in from_state {
        if data.contains_key(field.name()) {
            continue;
        }
        let prison = data.get("prison").and_then(Value::as_str);
        let given = match field {
            Field::Area => persons.standing.area(at),
            Field::Prison => persons.standing.prison(at),
            Field::Registration => persons.standing.open_registration(at),
            Field::Spell => prison.and_then(|prison| persons.standing.open_spell(prison, at)),
            _ => None,
        };
        if let Some(given) = given {
            data.insert(field.name().to_owned(), json!(given));
        }
    }
    let missing = |field: &&str| !data.contains_key(*field);
    let required = kind.own_fields().iter().filter(|spec| spec.required == Presence::Required);
    let needs: Vec<String> =
        required.map(|spec| spec.field.name()).filter(missing).map(str::to_owned).collect();
    if needs.is_empty() {
        return Ok(data);
    }
    Err(Held { reason: format!("needs {}", needs.join(" and ")), needs, numbers: Numbers::new() })
}
