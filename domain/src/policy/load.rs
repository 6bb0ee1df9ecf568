//! Reading rules from their files, with every mistake named by file, line and reason.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};
use toml::de::DeValue;

use super::files::{concatenated, shipped_files};
use super::text::normalised;
use super::toml_reader::{At, Reader, Table, integer};
use super::{
    Basis, By, Condition, CountedFrom, Due, Entry, Escalation, Form, Holder, Interpretation, MATCHED,
    PerHolder, Policy, PolicyError, PolicyFiles, Problem, Programme, Rule, Severity, Step, Test, Version,
};
use crate::catalogue::{FactType, Field, FieldSpec, Shape, SubjectKind, WAIVERS};
use crate::time::Date;
use crate::vocabulary::{StateField, StateShape, encode_date};

/// What all files of one policy share while it is read.
struct Shared {
    /// The framework's text, normalised.
    framework: String,
    symbols: Vec<String>,
}

impl Shared {
    fn symbol(&mut self, text: &str) -> u32 {
        let at = self.symbols.iter().position(|known| known == text).unwrap_or_else(|| {
            self.symbols.push(text.to_owned());
            self.symbols.len() - 1
        });
        u32::try_from(at).unwrap_or(u32::MAX)
    }
}

pub(super) fn load(files: &PolicyFiles) -> Result<Policy, PolicyError> {
    let shipped = shipped_files();
    let own_text = files.0.get("text.txt").or_else(|| shipped.0.get("text.txt"));
    let mut shared =
        Shared { framework: normalised(own_text.map_or("", String::as_str)), symbols: Vec::new() };
    let mut problems = Vec::new();
    let mut rules: Vec<Rule> = Vec::new();
    let mut interpretations = BTreeMap::new();
    for (name, text) in &files.0 {
        if std::path::Path::new(name).extension().is_none_or(|end| end != "toml") {
            continue;
        }
        let reader = Reader::new(name, text);
        if let Some(parsed) = reader.parse() {
            match name.as_str() {
                // Those of a draft stand beside the shipped ones, in a file of their own that comes first and wins.
                "interpretations.toml" | "interpretations-draft.toml" => {
                    for (id, reading) in read_interpretations(&reader.root(parsed.get_ref())) {
                        interpretations.entry(id).or_insert(reading);
                    }
                }
                // The coverage table has a reader of its own.
                super::coverage::FILE | crate::reconcile::FILE => {}
                _ => rules.extend(read_rule(reader.root(parsed.get_ref()), name, &mut shared)),
            }
        }
        problems.extend(reader.into_problems());
    }
    rules.sort_by(|a, b| order_of(&a.id).cmp(&order_of(&b.id)));
    check_together(&rules, &interpretations, &mut problems);
    if rules.is_empty() && problems.is_empty() {
        let reason = "no rule file such as 4.10.toml in the folder".to_owned();
        problems.push(Problem { file: ".".to_owned(), line: 0, reason });
    }
    if !problems.is_empty() {
        return Err(PolicyError(problems));
    }
    let sha256 = hexadecimal(Sha256::digest(concatenated(files).as_bytes()).into());
    Ok(Policy { rules, interpretations, symbols: shared.symbols, sha256 })
}

/// A digest in hexadecimal.
pub fn hexadecimal(digest: [u8; 32]) -> String {
    digest.iter().fold(String::with_capacity(64), |text, byte| text + &format!("{byte:02x}"))
}

/// The parts of a rule id, numbers by value: `4.9` comes before `4.10`.
fn order_of(id: &str) -> Vec<(u64, &str)> {
    id.split('.').map(|part| part.parse().map_or((u64::MAX, part), |number| (number, ""))).collect()
}

/// What only shows when all rules are read.
fn check_together(
    rules: &[Rule],
    interpretations: &BTreeMap<String, Interpretation>,
    problems: &mut Vec<Problem>,
) {
    let mut complain = |rule: &Rule, reason: String| {
        problems.push(Problem { file: rule.file.clone(), line: 1, reason });
    };
    for rule in rules {
        if rules.iter().filter(|other| other.id == rule.id).count() > 1 {
            complain(rule, format!("two files state the rule `{}`", rule.id));
        }
        for version in &rule.versions {
            for id in &version.interpretations {
                if !interpretations.contains_key(id) {
                    complain(rule, format!("interpretation `{id}` is not in interpretations.toml"));
                }
            }
            for other in &version.keeps_earlier_due_of {
                if !rules.iter().any(|r| r.id == *other) {
                    complain(rule, format!("`keeps_earlier_due_of` names `{other}`, which is no rule"));
                }
            }
        }
    }
}

fn read_interpretations(root: &Table<'_, '_>) -> BTreeMap<String, Interpretation> {
    let mut all = BTreeMap::new();
    for (id, _, at) in root.entries() {
        let Some(table) = at.table() else { continue };
        let read = Interpretation {
            id: id.to_owned(),
            question: table.need_text("question").unwrap_or("").to_owned(),
            choice: table.need_text("choice").unwrap_or("").to_owned(),
            reason: table.need_text("reason").unwrap_or("").to_owned(),
            alternatives: table
                .need("alternatives")
                .map(|at| at.texts().into_iter().map(str::to_owned).collect())
                .unwrap_or_default(),
            instead_of: table.get("instead_of").and_then(|at| at.text()).map(str::to_owned),
        };
        table.finish();
        all.insert(id.to_owned(), read);
    }
    all
}

fn read_rule(root: Table<'_, '_>, file: &str, shared: &mut Shared) -> Option<Rule> {
    let id = root.need_text("id")?.to_owned();
    if file != format!("{id}.toml") {
        root.problem(format!("the file of the rule `{id}` must be named {id}.toml"));
    }
    if id.is_empty() || !id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'-') {
        root.problem(format!("`{id}`: a rule id holds letters, digits, dots and hyphens only"));
    }
    let paragraph = read_per_holder(&root, "paragraph", |at, text| {
        if !cites_a_paragraph(text) {
            at.wrong::<()>("a paragraph of the framework such as \"4.10\"");
        }
    });
    let framework = shared.framework.clone();
    let quote = read_per_holder(&root, "quote", |at, text| {
        let wanted = normalised(text);
        if wanted.is_empty() || !framework.contains(&wanted) {
            at.problem(format!(
                "the quote {wanted:?} does not occur word for word in the policy text (text.txt)"
            ));
        }
    });
    let duty = root.need_text("duty").unwrap_or("").to_owned();
    let basis = match root.need("basis").and_then(|at| Some((at, at.text()?))) {
        Some((_, "policy")) => Some(Basis::Policy),
        Some((_, "local")) => Some(Basis::Local),
        Some((at, _)) => at.wrong("\"policy\" or \"local\""),
        None => None,
    };
    let severity = match root.need("severity").and_then(|at| Some((at, at.text()?))) {
        Some((_, "low")) => Some(Severity::Low),
        Some((_, "medium")) => Some(Severity::Medium),
        Some((_, "high")) => Some(Severity::High),
        Some((_, "critical")) => Some(Severity::Critical),
        Some((at, _)) => at.wrong("\"low\", \"medium\", \"high\" or \"critical\""),
        None => None,
    };
    let versions = read_versions(&root, shared);
    root.finish();
    Some(Rule {
        id,
        paragraph: paragraph?,
        quote: quote?,
        duty,
        basis: basis?,
        severity: severity?,
        versions,
        file: file.to_owned(),
    })
}

/// Whether the text has the form of a paragraph number, `4.16`, or of a definition in section 7, `7`.
fn cites_a_paragraph(text: &str) -> bool {
    let mut parts = text.split('.');
    let numbers =
        parts.by_ref().all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric()));
    numbers && text.starts_with(|c: char| ('3'..='7').contains(&c))
}

fn read_per_holder(
    root: &Table<'_, '_>,
    key: &'static str,
    check: impl Fn(&At<'_, '_>, &str),
) -> Option<PerHolder> {
    let at = root.need(key)?;
    if at.value.as_str().is_some() {
        let text = at.text()?;
        check(&at, text);
        return Some(PerHolder { default: text.to_owned(), by_kind: Vec::new() });
    }
    let table = at.table()?;
    let mut by_kind = Vec::new();
    for (kind, offset, value) in table.entries() {
        let Some(text) = value.text() else { continue };
        check(&value, text);
        match SubjectKind::from_name(kind) {
            Some(kind) => by_kind.push((kind, text.to_owned())),
            None => at.reader.problem(offset, format!("`{kind}` is no kind of organisation")),
        }
    }
    let default = by_kind.iter().find(|(kind, _)| *kind == SubjectKind::Area).or(by_kind.first())?.1.clone();
    Some(PerHolder { default, by_kind })
}

fn read_versions(root: &Table<'_, '_>, shared: &mut Shared) -> Vec<Version> {
    let Some(at) = root.need("versions") else { return Vec::new() };
    let mut versions = Vec::new();
    for (item, number) in at.items().iter().zip(1..) {
        let Some(table) = item.table() else { continue };
        let read = read_version(&table, number, shared);
        if let Some(version) = read {
            check_form(&table, &version);
            versions.push((*item, version));
        }
        table.finish();
    }
    for pair in versions.windows(2) {
        let [(_, earlier), (at, later)] = pair else { continue };
        let expected = earlier.effective_to.map(Date::next);
        if expected != Some(later.effective_from) {
            let previous = earlier.effective_to.map_or("no end".to_owned(), |date| date.to_string());
            at.problem(format!(
                "versions must follow one another without overlap or gap: the one before runs to {previous}, this \
                 one begins on {}",
                later.effective_from
            ));
        }
    }
    versions.into_iter().map(|(_, version)| version).collect()
}

fn read_version(table: &Table<'_, '_>, number: u16, shared: &mut Shared) -> Option<Version> {
    let effective_from = table.need("effective_from").and_then(|at| at.date());
    let effective_to = table.get("effective_to").and_then(|at| at.date());
    let subjects = read_subjects(table);
    let form = table.need("form").and_then(|at| match at.text()? {
        "while" => Some(Form::While),
        "on" => Some(Form::On),
        "prior" => Some(Form::Prior),
        "every" => Some(Form::Every),
        _ => at.wrong("\"while\", \"on\", \"prior\" or \"every\""),
    });
    let mut condition = |key: &'static str| {
        table.get(key).map(|at| read_condition(&at, &subjects, shared)).unwrap_or_default()
    };
    let holds = condition("while");
    let until = condition("until");
    let (guard, was) = (condition("if"), condition("was"));
    for (key, asked) in [("while", &holds), ("until", &until), ("was", &was)] {
        refuse_programme(table, key, asked);
    }
    let mut entries = |key: &'static str| read_entries(table, key, &subjects, shared);
    let (on, done, needs, since) = (entries("on"), entries("done"), entries("needs"), entries("since"));
    let (withdrawn_by, closes_overdue) = (entries("withdrawn_by"), entries("closes_overdue"));
    let matches = table.get("match").map(|at| read_match(&at, &on, &done, &needs)).unwrap_or_default();
    let by = table.get("by").and_then(|at| match at.text()? {
        "prison" => Some(By::Prison),
        "org" => Some(By::Org),
        _ => at.wrong("\"prison\" or \"org\""),
    });
    let due = match (form, table.get("due").is_some()) {
        (Some(Form::Every), false) => Some(Due::SameDay),
        (Some(Form::Prior), false) => Some(Due::Prior),
        _ => table.need("due").and_then(|at| read_due(&at)),
    };
    // `prior` is an `on` rule with `due = "prior"` (3.3); a day of `every` is due at its own end.
    let (form, due) = match (form, due) {
        (Some(Form::On), Some(Due::Prior)) => (Some(Form::Prior), due),
        (Some(Form::Every), Some(Due::Days(0))) => (form, Some(Due::SameDay)),
        _ => (form, due),
    };
    let holder = table.need("holder").and_then(|at| match at.text()? {
        "area" => Some(Holder::Area),
        "prison" => Some(Holder::Prison),
        "org" => Some(Holder::Org),
        _ => at.wrong("\"area\", \"prison\" or \"org\""),
    });
    let version = Version {
        number,
        form: form?,
        until: table.get("until").map(|_| until),
        early: table.flag("early"),
        all_users: table.get("all").is_some_and(|at| match at.text() {
            Some("users") => true,
            _ => at.wrong("\"users\""),
        }),
        ends_met: table.get("ends").is_some_and(|at| match at.text() {
            Some("met") => true,
            _ => at.wrong("\"met\""),
        }),
        counted_from: table
            .get("counted_from")
            .and_then(|at| read_counted_from(&at))
            .unwrap_or(CountedFrom::Opening),
        grace: table.get("grace").and_then(|at| read_days(&at)),
        obligation: table.get("obligation").and_then(|at| at.text()).map(str::to_owned),
        keeps_earlier_due_of: texts(table, "keeps_earlier_due_of"),
        warn: table.get("warn").map_or_else(|| default_warnings(due), |at| read_warnings(&at)),
        escalate: table.get("escalate").map_or_else(default_escalation, |at| read_escalations(&at)),
        waive: read_waivers(table),
        interpretations: texts(table, "interpretations"),
        opens_after_death: table.flag("opens_after_death"),
        outlives_record: table.flag("outlives_record"),
        effective_from: effective_from?,
        effective_to,
        due: due?,
        holder: holder?,
        subjects,
        holds,
        guard,
        was,
        on,
        done,
        needs,
        since,
        withdrawn_by,
        closes_overdue,
        matches,
        by,
    };
    Some(version)
}

fn texts(table: &Table<'_, '_>, key: &'static str) -> Vec<String> {
    table.get(key).map(|at| at.texts().into_iter().map(str::to_owned).collect()).unwrap_or_default()
}

fn read_subjects(table: &Table<'_, '_>) -> Vec<SubjectKind> {
    let Some(at) = table.need("subject") else { return Vec::new() };
    at.texts()
        .into_iter()
        .filter_map(|name| {
            let ruled = SubjectKind::from_name(name).filter(|kind| {
                !matches!(
                    kind,
                    SubjectKind::Duty
                        | SubjectKind::Policy
                        | SubjectKind::Calendar
                        | SubjectKind::Police
                        | SubjectKind::Message
                        | SubjectKind::Webhook
                        | SubjectKind::Client
                )
            });
            if ruled.is_none() {
                at.wrong::<()>(
                    "nominal, user, area, unit, prison, prison-group, region or terminal (one, or a list of them)",
                );
            }
            ruled
        })
        .collect()
}

/// Checks that a version has what its form needs and nothing that the form does not read.
fn check_form(table: &Table<'_, '_>, version: &Version) {
    let stateful = !version.holds.tests.is_empty();
    let complain = |wrong: bool, reason: &str| {
        if wrong {
            table.problem(reason);
        }
    };
    match version.form {
        Form::While => {
            complain(!stateful, "`form = \"while\"` needs a condition `while`");
            complain(
                version.until.is_none() && version.done.is_empty() && !version.ends_met,
                "`form = \"while\"` needs `until` or `ends = \"met\"`",
            );
            complain(!version.on.is_empty(), "`on` belongs to the form `on`");
        }
        Form::Every => {
            complain(!stateful, "`form = \"every\"` needs a condition `while`");
            complain(version.done.is_empty(), "`form = \"every\"` needs `done`");
            complain(
                version.due != Due::SameDay,
                "`form = \"every\"` is due on its own day; leave `due` out",
            );
        }
        Form::On => {
            complain(version.on.is_empty(), "`form = \"on\"` needs `on`");
            complain(version.done.is_empty(), "`form = \"on\"` needs `done`");
        }
        Form::Prior => {
            complain(version.on.is_empty(), "`form = \"prior\"` needs `on`");
            complain(version.needs.is_empty(), "`form = \"prior\"` needs `needs`");
            complain(version.due != Due::Prior, "`form = \"prior\"` needs `due = \"prior\"`");
        }
    }
    if let Some(field) = version.due.follows() {
        let known = version.holds.tests.iter().any(|(asked, test)| *asked == field && *test == Test::Known);
        complain(
            version.form != Form::While || !known,
            &format!("`due` follows {field}, so `while` must ask `{field} = \"known\"`"),
        );
    }
    for (index, entry) in version.on.iter().enumerate() {
        let others = version.on.iter().enumerate().filter(|(other, _)| *other != index);
        complain(
            others.into_iter().any(|(_, other)| asks_all_of(other, entry)),
            &format!(
                "two entries of `on` open at the same fact ({}): two duties of one rule at one fact; give each a \
                 condition that the other does not meet",
                entry.kind
            ),
        );
    }
}

/// Whether an entry asks whatever another of its type asks, so that no fact opens by it that does not by the other.
fn asks_all_of(entry: &Entry, other: &Entry) -> bool {
    let all = |own: &Condition, other: &Condition| {
        other.tests.iter().all(|test| own.tests.contains(test))
            && (other.programme.is_none() || other.programme == own.programme)
    };
    entry.kind == other.kind
        && other.data.iter().all(|test| entry.data.contains(test))
        && all(&entry.after, &other.after)
        && all(&entry.before, &other.before)
}

fn read_condition(at: &At<'_, '_>, subjects: &[SubjectKind], shared: &mut Shared) -> Condition {
    let mut condition = Condition::default();
    let Some(table) = at.table() else { return condition };
    for (name, offset, value) in table.entries() {
        if name == "programme" {
            condition.programme = value.text().and_then(Programme::from_name).or_else(|| {
                value.wrong::<()>("\"custody-level-1\" or \"community\"");
                None
            });
            continue;
        }
        let field = StateField::from_name(name)
            .filter(|field| subjects.iter().all(|kind| field.subjects().contains(kind)));
        let Some(field) = field else {
            let known: Vec<_> = StateField::ALL
                .iter()
                .filter(|field| subjects.iter().all(|kind| field.subjects().contains(kind)))
                .map(|field| format!("`{field}`"))
                .collect();
            at.reader.problem(
                offset,
                format!("`{name}` is no field of the state of this subject; known are {}", known.join(", ")),
            );
            continue;
        };
        if let Some(test) = read_state_test(&value, field, shared) {
            condition.tests.push((field, test));
        }
    }
    condition
}

fn read_state_test(at: &At<'_, '_>, field: StateField, shared: &mut Shared) -> Option<Test> {
    let shape = field.shape();
    let optional = matches!(shape, StateShape::OptionalDate | StateShape::OptionalId);
    match at.value {
        DeValue::String(text) if optional && text == "known" => return Some(Test::Known),
        DeValue::String(text) if optional && text == "unknown" => return Some(Test::Unknown),
        DeValue::Table(_) if matches!(shape, StateShape::Number(_)) => return read_range(at),
        _ => {}
    }
    let mut one = |item: &At<'_, '_>| -> Option<u32> {
        let value = match (shape, item.value) {
            (StateShape::Number(high), value) => {
                integer(value).and_then(|n| u32::try_from(n).ok()).filter(|n| *n <= high)
            }
            (StateShape::Words(_) | StateShape::Set(_), DeValue::String(word)) => field.word(word),
            (StateShape::Bool, DeValue::Boolean(value)) => Some(u32::from(*value)),
            (StateShape::OptionalId, DeValue::String(id)) => Some(shared.symbol(id)),
            _ => None,
        };
        if value.is_none() {
            item.wrong::<()>(&format!("{shape} for `{field}`"));
        }
        value
    };
    let any = any_of(at, &mut one);
    match (shape, any) {
        (StateShape::Set(_), Some(Test::AnyOf(bits))) => {
            Some(Test::HoldsAny(bits.into_iter().fold(0, |set, bit| set | bit)))
        }
        (_, any) => any,
    }
}

/// One value, or a list of which any will do.
fn any_of(at: &At<'_, '_>, one: &mut impl FnMut(&At<'_, '_>) -> Option<u32>) -> Option<Test> {
    let values: Vec<u32> = match at.value {
        DeValue::Array(_) => at.items().iter().filter_map(one).collect(),
        _ => one(at).into_iter().collect(),
    };
    if values.is_empty() { None } else { Some(Test::AnyOf(values)) }
}

fn read_range(at: &At<'_, '_>) -> Option<Test> {
    let table = at.table()?;
    let min = table.get("min").and_then(|at| at.number()).map_or(0, u32::from);
    let max = table.get("max").and_then(|at| at.number()).map_or(u32::MAX - 1, u32::from);
    table.finish();
    Some(Test::Range(min, max))
}

fn read_entries(
    table: &Table<'_, '_>,
    key: &'static str,
    subjects: &[SubjectKind],
    shared: &mut Shared,
) -> Vec<Entry> {
    let Some(at) = table.get(key) else { return Vec::new() };
    at.items().iter().filter_map(|item| read_entry(item, key, subjects, shared)).collect()
}

/// A programme is asked where a duty opens, of the area just after the fact, and nowhere else.
fn refuse_programme(table: &Table<'_, '_>, key: &'static str, asked: &Condition) {
    if asked.programme.is_some()
        && let Some(at) = table.get(key)
    {
        at.problem("`programme` can be asked in `if` of the version or of an entry of `on` only".to_owned());
    }
}

fn read_entry(
    at: &At<'_, '_>,
    key: &'static str,
    subjects: &[SubjectKind],
    shared: &mut Shared,
) -> Option<Entry> {
    let table = at.table()?;
    let kind = table.need("type").and_then(|at| known_type(&at));
    let data = match (table.get("where"), kind) {
        (Some(at), Some(kind)) => read_where(&at, kind, shared),
        _ => Vec::new(),
    };
    let mut condition = |key: &'static str| {
        table.get(key).map(|at| read_condition(&at, subjects, shared)).unwrap_or_default()
    };
    let (after, before) = (condition("if"), condition("was"));
    refuse_programme(&table, "was", &before);
    if key != "on" {
        refuse_programme(&table, "if", &after);
    }
    let counted_from = table.get("counted_from").and_then(|at| read_counted_from(&at));
    let policy_gap = table.flag("policy_gap");
    let any_match = table.get("match").is_some_and(|at| match at.text() {
        Some("any") => true,
        _ => at.wrong("\"any\""),
    });
    let date = |key: &'static str| {
        table.get(key).and_then(|at| {
            let field = kind?.field(at.text()?).filter(|spec| matches!(spec.shape, Shape::Date));
            if field.is_none() {
                at.wrong::<()>("a date field of that fact");
            }
            field.map(|spec| spec.field)
        })
    };
    let (current, covers) = (date("current"), date("covers"));
    // What a region publishes is for each of its users.
    let each_user = kind == Some(FactType::DocumentPublished) && *subjects == [SubjectKind::User];
    let unless = table
        .get("unless")
        .map(|at| {
            let named = at.texts().into_iter().filter_map(FactType::from_name).collect::<Vec<_>>();
            if named.is_empty() { at.wrong("fact types") } else { named }
        })
        .unwrap_or_default();
    table.finish();
    let kind = kind?;
    let stated = |subject: &SubjectKind| kind.subjects().contains(subject);
    if !each_user && !subjects.is_empty() && !subjects.iter().any(stated) {
        let of: Vec<_> = subjects.iter().map(ToString::to_string).collect();
        at.problem(format!("{kind} is never stated of a {}", of.join(" or ")));
    }
    Some(Entry {
        kind,
        data,
        after,
        before,
        counted_from,
        policy_gap,
        any_match,
        current,
        covers,
        unless,
        each_user,
    })
}

fn known_type(at: &At<'_, '_>) -> Option<FactType> {
    let kind = FactType::from_name(at.text()?);
    if kind.is_none() {
        at.wrong::<()>("a fact type of the catalogue");
    }
    kind
}

fn read_where(at: &At<'_, '_>, kind: FactType, shared: &mut Shared) -> Vec<(Field, Test)> {
    let Some(table) = at.table() else { return Vec::new() };
    let mut tests = Vec::new();
    for (name, offset, value) in table.entries() {
        let Some(spec) = kind.field(name) else {
            let known: Vec<_> = kind.own_fields().iter().map(|spec| format!("`{}`", spec.field)).collect();
            at.reader.problem(offset, format!("{kind} has no field `{name}`; it has {}", known.join(", ")));
            continue;
        };
        tests.extend(read_data_test(&value, spec, shared).map(|test| (spec.field, test)));
    }
    tests
}

fn read_data_test(at: &At<'_, '_>, spec: &FieldSpec, shared: &mut Shared) -> Option<Test> {
    match (spec.shape, at.value) {
        (Shape::Number(..), DeValue::Table(_)) => return read_range(at),
        (Shape::Choices(words), _) => {
            let mut bits = 0;
            for word in at.texts() {
                match words.iter().position(|known| *known == word) {
                    Some(index) => bits |= 1 << index,
                    None => at.wrong(&spec.shape.to_string()),
                }
            }
            return Some(Test::HoldsAll(bits));
        }
        (_, DeValue::String(text)) if text == "known" => return Some(Test::Known),
        (_, DeValue::String(text)) if text == "unknown" => return Some(Test::Unknown),
        (Shape::Subject(_), _) if at.each().iter().any(is_any_of_a_kind) => {
            return Some(Test::BeginsWith(read_kinds_and_ids(at, spec)));
        }
        (Shape::Ids | Shape::Subjects(_), _) => {
            let ids = at.texts().into_iter().map(|id| shared.symbol(id)).collect();
            return Some(Test::Contains(ids));
        }
        _ => {}
    }
    let mut one = |item: &At<'_, '_>| -> Option<u32> {
        let value = match (spec.shape, item.value) {
            (Shape::Number(low, high), value) => {
                integer(value).filter(|n| (low..=high).contains(n)).and_then(|n| u32::try_from(n).ok())
            }
            (Shape::Bool, DeValue::Boolean(value)) => Some(u32::from(*value)),
            (Shape::Date | Shape::DateOrNull, DeValue::String(text)) => {
                Date::parse(text).ok().map(encode_date)
            }
            (Shape::Date | Shape::DateOrNull, DeValue::Datetime(_)) => item.date().map(encode_date),
            (Shape::Choice(words), DeValue::String(word)) if words.contains(&word.as_ref()) => {
                Some(shared.symbol(word))
            }
            (Shape::Id | Shape::Subject(_), DeValue::String(text)) => Some(shared.symbol(text)),
            _ => None,
        };
        if value.is_none() {
            item.wrong::<()>(&format!("{} for `{}`", spec.shape, spec.field));
        }
        value
    };
    any_of(at, &mut one)
}

/// Whether a value means any organisation of a kind: `prison/*`.
fn is_any_of_a_kind(at: &At<'_, '_>) -> bool {
    matches!(at.value, DeValue::String(text) if text.ends_with("/*"))
}

/// Ids, and beginnings that end in `/` for whole kinds.
fn read_kinds_and_ids(at: &At<'_, '_>, spec: &FieldSpec) -> Vec<String> {
    let Shape::Subject(kinds) = spec.shape else { return Vec::new() };
    for (item, text) in at.each().iter().zip(at.texts()) {
        if !SubjectKind::of(text).is_some_and(|kind| kinds.contains(&kind)) {
            item.wrong::<()>(&format!(
                "{} for `{}`, or all of a kind such as \"prison/*\"",
                spec.shape, spec.field
            ));
        }
    }
    at.texts().into_iter().map(|text| text.trim_end_matches('*').to_owned()).collect()
}

fn read_match(at: &At<'_, '_>, on: &[Entry], done: &[Entry], needs: &[Entry]) -> Vec<Field> {
    let one = |at: &At<'_, '_>| {
        let name = at.text()?;
        let field = Field::ALL.iter().copied().find(|field| field.name() == name);
        let has = |entry: &Entry| entry.kind.field(name).is_some();
        if field.is_none() || !on.iter().any(has) || !done.iter().chain(needs).any(has) {
            return at.wrong("a data field that the opening and the ending facts both have");
        }
        field
    };
    let fields: Vec<Field> = match at.value {
        DeValue::Array(_) => at.items().iter().filter_map(one).collect(),
        _ => one(at).into_iter().collect(),
    };
    if fields.len() > MATCHED {
        at.problem(format!("`match` holds at most {MATCHED} fields against each other"));
    }
    fields
}

fn read_counted_from(at: &At<'_, '_>) -> Option<CountedFrom> {
    match at.text()? {
        "opening" => Some(CountedFrom::Opening),
        "sentence" => Some(CountedFrom::Sentence),
        "reception" => Some(CountedFrom::Reception),
        _ => at.wrong("\"opening\", \"sentence\" or \"reception\""),
    }
}

fn read_days(at: &At<'_, '_>) -> Option<u16> {
    let table = at.table()?;
    let days = table.need("days").and_then(|at| at.number());
    table.finish();
    days
}

fn read_due(at: &At<'_, '_>) -> Option<Due> {
    let expected = "\"prior\", { days = N }, { working_days = N }, { months = N, days = N }, { before = \"date\", \
                    months = N, opens_months = N } or { on = \"date\" }";
    if at.value.as_str() == Some("prior") {
        return Some(Due::Prior);
    }
    if !matches!(at.value, DeValue::Table(_)) {
        return at.wrong(expected);
    }
    let table = at.table()?;
    let number = |key: &'static str| table.get(key).and_then(|at| at.number());
    let date = |key: &'static str| {
        table.get(key).map(|at| {
            let field = at.text().and_then(StateField::from_name);
            let dated = field.filter(|field| field.shape() == StateShape::OptionalDate);
            if dated.is_none() {
                at.wrong::<()>("a date of the state: \"release_on\" or \"vetting_expires_on\"");
            }
            dated
        })
    };
    let (days, working_days, months) = (number("days"), number("working_days"), number("months"));
    let (before, on, opens_months) = (date("before"), date("on"), number("opens_months"));
    let due = match (days, working_days, months, before, on, opens_months) {
        (Some(days), None, None, None, None, None) => Some(Due::Days(days)),
        (None, Some(n), None, None, None, None) => Some(Due::WorkingDays(n)),
        (days, None, Some(months), None, None, None) => Some(Due::Months { months, days: days.unwrap_or(0) }),
        (None, None, Some(months), Some(field), None, opens_months) => {
            field.map(|field| Due::Before { field, months, opens_months })
        }
        (None, None, None, None, Some(field), None) => field.map(Due::On),
        _ => at.wrong(expected),
    };
    table.finish();
    due
}

fn default_warnings(due: Option<Due>) -> Vec<Step> {
    match due {
        Some(Due::Before { .. }) => vec![Step::WorkingDays(30), Step::WorkingDays(10), Step::WorkingDays(2)],
        Some(Due::On(_)) => vec![Step::Days(90), Step::Days(30), Step::Days(7)],
        Some(Due::Prior) => Vec::new(),
        Some(Due::SameDay) => vec![Step::WorkingDays(0)],
        _ => vec![Step::WorkingDays(2), Step::WorkingDays(0)],
    }
}

fn read_warnings(at: &At<'_, '_>) -> Vec<Step> {
    at.items()
        .iter()
        .filter_map(|item| {
            let table = item.table()?;
            let (days, working) = (table.get("days"), table.get("working_days"));
            table.finish();
            match (days, working) {
                (Some(days), None) => days.number().map(Step::Days),
                (None, Some(days)) => days.number().map(Step::WorkingDays),
                _ => item.wrong("{ days = N } or { working_days = N }"),
            }
        })
        .collect()
}

fn default_escalation() -> Vec<Escalation> {
    [(0, "cpc"), (5, "head"), (20, "board")]
        .map(|(working_days, to)| Escalation { working_days, to: to.to_owned() })
        .into()
}

fn read_escalations(at: &At<'_, '_>) -> Vec<Escalation> {
    at.items()
        .iter()
        .filter_map(|item| {
            let table = item.table()?;
            let days = table.need("working_days").and_then(|at| at.number());
            let to = table.need_text("to").map(str::to_owned);
            table.finish();
            Some(Escalation { working_days: days?, to: to? })
        })
        .collect()
}

fn read_waivers(table: &Table<'_, '_>) -> Vec<String> {
    let Some(at) = table.get("waive") else { return WAIVERS.iter().map(|role| (*role).to_owned()).collect() };
    let roles = at.texts();
    for role in &roles {
        if !WAIVERS.contains(role) {
            at.wrong::<()>(&format!("roles out of {}", WAIVERS.join(", ")));
        }
    }
    roles.into_iter().map(str::to_owned).collect()
}
