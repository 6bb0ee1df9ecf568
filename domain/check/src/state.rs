//! The state of a subject, in words, and how each fact changes it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::NaiveDate;

use crate::facts::Fact;
use crate::time::date;

/// What holds of a subject: words by field, each with the position of the fact that set it.
#[derive(Debug, Clone, Default)]
pub struct State {
    fields: BTreeMap<&'static str, (String, u32)>,
    /// Effective date of the latest sentence.
    pub sentence_on: Option<NaiveDate>,
    /// Effective date of the latest admission or transfer.
    pub reception_on: Option<NaiveDate>,
    /// End of the latest vetting exemption, and the fact.
    exemption: Option<(NaiveDate, u32)>,
}

impl State {
    pub fn get(&self, field: &str) -> &str {
        match self.fields.get(field) {
            Some((word, _)) => word,
            None => match field {
                "category" | "level" | "vetting_level" => "0",
                "custody" => "out",
                "alive" => "true",
                "supervision" | "sentence" | "record" | "record_owner" | "alert" | "account" | "role"
                | "service" | "approval" => "none",
                "managed" | "awaiting_partnership" | "area_partner" | "enrolled" => "false",
                "cpc" | "lpc" | "visor_lead" => "vacant",
                _ => "",
            },
        }
    }

    pub fn is(&self, field: &str, word: &str) -> bool {
        self.get(field) == word
    }

    pub fn is_alive(&self) -> bool {
        self.is("alive", "true")
    }

    /// The position of the fact that last changed a field.
    pub fn set_by(&self, field: &str) -> Option<u32> {
        self.fields.get(field).map(|(_, position)| *position)
    }

    /// The date that a deadline follows, and the fact that it rests on.
    pub fn followed(&self, field: &str) -> Option<(NaiveDate, u32)> {
        let own = (date(self.get(field)).ok()?, self.set_by(field)?);
        let exempt = self.exemption.filter(|(until, _)| field == "vetting_expires_on" && *until > own.0);
        Some(exempt.unwrap_or(own))
    }
}

/// Who is still to answer: nobody once answered, anyone where the list is empty.
#[derive(Debug, Clone)]
pub struct Awaited(Option<Vec<String>>);

impl Awaited {
    pub fn of(fact: &Fact) -> Self {
        Self(Some(fact.list("users")))
    }

    /// Takes an answer; one that names nobody answers for all, and anyone's will do where nobody was named.
    pub fn answer(&mut self, fact: &Fact) {
        let answered = fact.list("users");
        let left = self.0.get_or_insert_default();
        left.retain(|user| !answered.is_empty() && !answered.contains(user));
        if left.is_empty() {
            self.0 = None;
        }
    }

    pub const fn is_answered(&self) -> bool {
        self.0.is_none()
    }
}

#[derive(Debug)]
struct Request {
    key: Option<String>,
    org: Option<String>,
    awaited: Awaited,
    since_reception: bool,
    opened: bool,
}

/// What the state is made from.
#[derive(Debug, Default)]
pub struct Machine {
    pub state: Arc<State>,
    changed: BTreeSet<&'static str>,
    position: u32,
    registration: Option<String>,
    requests: Vec<Request>,
    answers: Vec<Arc<Fact>>,
    posts: BTreeMap<String, Vec<String>>,
    levels: BTreeMap<String, String>,
    partners: BTreeMap<String, Vec<String>>,
    tokens: Vec<(String, Option<String>)>,
}

/// Types that tell nothing where they state what already holds.
const NEWS_ONLY: [&str; 8] = [
    "record.created",
    "record.archived",
    "record.unarchived",
    "record.deleted",
    "record.transferred",
    "account.enabled",
    "account.disabled",
    "account.archived",
];

impl Machine {
    fn set(&mut self, field: &'static str, word: impl Into<String>) {
        let word = word.into();
        if self.state.get(field) != word {
            let position = self.position;
            Arc::make_mut(&mut self.state).fields.insert(field, (word, position));
            self.changed.insert(field);
        }
    }

    fn taken(&mut self) -> BTreeSet<&'static str> {
        self.derive();
        std::mem::take(&mut self.changed)
    }

    /// Leaves the present prison at a reception elsewhere.
    pub fn leave(&mut self, fact: &Fact) -> BTreeSet<&'static str> {
        self.position = fact.position;
        self.out();
        self.taken()
    }

    fn out(&mut self) {
        self.set("custody", "out");
        self.set("prison", "");
        self.set("spell", "");
    }

    /// Applies a fact of the subject; `reason` is the word in force for that of a reception. Answers with the fields that
    /// changed, and whether the fact may open or end anything by what it tells.
    pub fn apply(&mut self, fact: &Arc<Fact>, reason: Option<&str>) -> (BTreeSet<&'static str>, bool) {
        self.position = fact.position;
        let foreign = fact.get("registration") != self.registration;
        let mut tells = true;
        match fact.kind.as_str() {
            "mappa.changed" | "mappa.deregistered" if foreign => tells = false,
            "mappa.registered" | "mappa.changed" | "mappa.deregistered" => self.registered(fact),
            "case.transferred" => {
                self.set("area", fact.text("to"));
                self.set("unit", fact.text("unit"));
            }
            "sentence.imposed" => {
                Arc::make_mut(&mut self.state).sentence_on = Some(fact.on);
                self.set("sentence", fact.text("kind"));
            }
            "sentence.ended" => self.set("sentence", "none"),
            "release_date.set" => self.set("release_on", fact.text("release_on")),
            "custody.received" | "custody.left" => self.custody(fact, reason),
            "visor.searched" if fact.text("found") == "true" => self.found(),
            "alert.added" if fact.text("code") == "PVN" => {
                self.found();
                self.set("alert", "active");
            }
            "alert.closed" if fact.text("code") == "PVN" => self.set("alert", "none"),
            "record.created" => {
                self.set("record", "live");
                self.owned(&fact.text("owner"));
            }
            "record.unarchived" => self.set("record", "live"),
            "record.archived" => self.set("record", "archived"),
            "record.deleted" => {
                self.set("record", "deleted");
                self.set("record_owner", "none");
                self.set("record_owner_org", "");
            }
            "record.transferred" => self.owned(&fact.text("to")),
            "nominal.died" => self.set("alive", "false"),
            "partnership.requested" => self.requested(fact),
            "partners.added" | "partners.removed" | "partnership.refused" => self.partnered(fact),
            _ => self.organisational(fact),
        }
        let changed = self.taken();
        tells &= !changed.is_empty() || !NEWS_ONLY.contains(&fact.kind.as_str());
        (changed, tells)
    }

    fn registered(&mut self, fact: &Fact) {
        let supervision = |word: &str| if word == "true" { "statutory" } else { "none" };
        if fact.kind == "mappa.deregistered" {
            self.registration = None;
            self.set("category", "0");
            self.set("level", "0");
            self.set("supervision", "none");
            return;
        }
        for field in ["category", "level"] {
            if let Some(number) = fact.get(field) {
                self.set(field, number);
            }
        }
        if let Some(word) = fact.get("statutory_supervision") {
            self.set("supervision", supervision(&word));
        } else if fact.kind == "mappa.registered" {
            let by_category = fact.text("category") != "3";
            self.set("supervision", supervision(&by_category.to_string()));
        }
        if fact.kind == "mappa.registered" {
            self.registration = fact.get("registration");
            self.set("area", fact.text("area"));
        }
    }

    fn custody(&mut self, fact: &Fact, reason: Option<&str>) {
        if fact.kind == "custody.received" {
            self.set("custody", "held");
            self.set("prison", fact.text("prison"));
            self.set("spell", fact.text("spell"));
            if matches!(reason, Some("admission" | "transfer")) {
                Arc::make_mut(&mut self.state).reception_on = Some(fact.on);
                self.requests.iter_mut().for_each(|request| request.since_reception = false);
            }
        } else if self.state.is("custody", "held")
            && self.state.is("prison", &fact.text("prison"))
            && fact.text("reason") != "temporary"
        {
            self.out();
        }
    }

    /// A search or an alert shows that there is a record, where none was known of.
    fn found(&mut self) {
        if self.state.is("record", "none") {
            let category = self.state.get("category");
            let own = category == "2" || category == "3" && self.state.is("supervision", "statutory");
            self.set("record", "live");
            self.set("record_owner", if own { "probation" } else { "police" });
        }
    }

    fn owned(&mut self, owner: &str) {
        self.set("record_owner_org", owner);
        self.set("record_owner", if owner.starts_with("police/") { "police" } else { "probation" });
    }

    fn requested(&mut self, fact: &Fact) {
        let key = fact.get("request");
        if self.requests.iter().any(|own| own.key == key && own.opened) {
            return;
        }
        let state = &self.state;
        let opened = state.is("record", "live") && state.is("record_owner", "probation") && state.is_alive();
        let mut awaited = Awaited::of(fact);
        for answer in self.answers.iter().filter(|answer| answer.time == fact.time) {
            if key.is_some() && answer.get("request") == key {
                awaited.answer(answer);
            }
        }
        self.requests.push(Request { key, org: fact.get("org"), awaited, since_reception: true, opened });
    }

    fn partnered(&mut self, fact: &Arc<Fact>) {
        let (key, org, users) = (fact.get("request"), fact.get("org"), fact.list("users"));
        if fact.kind != "partners.removed" {
            for request in &mut self.requests {
                let by_key = key.is_some() && request.key == key;
                if by_key || key.is_none() && org.is_some() && request.org == org {
                    request.awaited.answer(fact);
                }
            }
            self.answers.push(Arc::clone(fact));
        }
        let Some(area) = org.filter(|org| org.starts_with("area/")) else { return };
        if fact.kind == "partners.added" {
            self.partners.entry(area).or_default().extend(users);
        } else if fact.kind == "partners.removed"
            && let Some(named) = self.partners.get_mut(&area)
        {
            named.retain(|user| !users.is_empty() && !users.contains(user));
            if named.is_empty() {
                self.partners.remove(&area);
            }
        }
        self.set("area_partner", (!self.partners.is_empty()).to_string());
    }

    fn organisational(&mut self, fact: &Fact) {
        match fact.kind.as_str() {
            "user.registered" | "user.moved" => {
                self.set("org", fact.text("org"));
                for field in ["role", "service"] {
                    if let Some(word) = fact.get(field) {
                        self.set(field, word);
                    }
                }
            }
            "vetting.cleared" => {
                self.set("vetting_level", fact.text("level"));
                self.set("vetting_expires_on", fact.text("expires_on"));
            }
            "vetting.withdrawn" => {
                self.set("vetting_level", "0");
                if date(self.state.get("vetting_expires_on")).is_ok_and(|expires| fact.on < expires) {
                    self.set("vetting_expires_on", fact.on.to_string());
                }
            }
            "exemption.granted" => {
                let by_chief = fact.text("by_role") == "chief-responsible-officer";
                let until = fact.date("until");
                if fact.text("kind") == "vetting" && by_chief && until != self.state.exemption.map(|e| e.0) {
                    let exemption = until.map(|until| (until, fact.position));
                    Arc::make_mut(&mut self.state).exemption = exemption;
                    self.changed.insert("vetting_expires_on");
                }
            }
            "account.requested" | "account.authorised" if self.state.is("account", "enabled") => {}
            "account.requested" => self.set("account", "requested"),
            "account.authorised" => self.set("account", "authorised"),
            "account.enabled" => self.set("account", "enabled"),
            "account.disabled" => self.set("account", "disabled"),
            "account.archived" => self.set("account", "archived"),
            "token.granted" | "token.revoked" => self.token(fact),
            "organisation.enrolled" => self.set("enrolled", "true"),
            "terminal.risk_assessed" => self.set("approval", "risk_assessed"),
            "terminal.approved" => self.set("approval", "approved"),
            "terminal.withdrawn" => self.set("approval", "withdrawn"),
            "post.filled" | "post.vacated" => self.posted(fact),
            _ => {}
        }
    }

    /// A token is held for all areas or for one; a revocation that names none is for all.
    fn token(&mut self, fact: &Fact) {
        let (token, area) = (fact.text("token"), fact.get("area"));
        self.tokens.retain(|(held, held_for)| *held != token || area.is_some() && *held_for != area);
        if fact.kind == "token.granted" {
            self.tokens.push((token, area));
        }
        let held: BTreeSet<&str> = self.tokens.iter().map(|(token, _)| token.as_str()).collect();
        self.set("tokens", held.into_iter().collect::<Vec<_>>().join(" "));
    }

    fn posted(&mut self, fact: &Fact) {
        let (post, user) = (fact.text("post"), fact.text("user"));
        let holders = self.posts.entry(post.clone()).or_default();
        holders.retain(|holder| *holder != user);
        if fact.kind == "post.filled" {
            holders.push(user);
        }
        let word = if holders.is_empty() { "vacant" } else { "filled" };
        match post.as_str() {
            "lpc" => self.set("lpc", word),
            "visor-lead" => self.set("visor_lead", word),
            "cpc" => self.vetted_cpc(),
            _ => {}
        }
    }

    /// The vetting of one who may hold a post of this organisation.
    pub fn vetted(&mut self, fact: &Fact) -> BTreeSet<&'static str> {
        self.position = fact.position;
        let level = if fact.kind == "vetting.cleared" { fact.text("level") } else { "0".to_owned() };
        self.levels.insert(fact.subject.clone(), level);
        self.vetted_cpc();
        std::mem::take(&mut self.changed)
    }

    fn vetted_cpc(&mut self) {
        let vetted = |user: &String| self.levels.get(user).is_some_and(|level| level == "3");
        let filled = self.posts.get("cpc").is_some_and(|holders| holders.iter().any(vetted));
        self.set("cpc", if filled { "filled" } else { "vacant" });
    }

    fn derive(&mut self) {
        let level = self.state.get("level");
        let managed = self.state.is("supervision", "statutory") || level == "2" || level == "3";
        self.set("managed", managed.to_string());
        let prison = self.state.get("prison");
        let awaiting = self.state.is("custody", "held")
            && self.requests.iter().any(|request| {
                request.org.as_deref() == Some(prison)
                    && request.since_reception
                    && !request.awaited.is_answered()
            });
        self.set("awaiting_partnership", awaiting.to_string());
    }
}
