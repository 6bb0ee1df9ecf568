//! Facts gathered apart against facts added one by one.

use super::*;

fn fact(id: &str, kind: &str, data: &str) -> String {
    format!(
        r#"{{"specversion":"1.0","id":"{id}","source":"/t","type":"{kind}","subject":"nominal/N1","time":"2026-03-02T09:00:00Z","data":{data}}}"#
    )
}

/// Facts of which some repeat or contradict others before them.
fn told() -> Vec<String> {
    let asked = r#"{"request":"R1","org":"area/A07","users":["user/U-1","user/U-2"]}"#;
    let other = r#"{"request":"R1","org":"area/A07","users":["user/U-1"]}"#;
    let annulled = r#"{"event":{"source":"/t","id":"a"},"reason":"error"}"#;
    let annulled_other = r#"{"event":{"source":"/t","id":"b"},"reason":"error"}"#;
    vec![
        fact("a", "partnership.requested", asked),
        fact("b", "meeting.held", r#"{"meeting":"M1","level":3}"#),
        fact("a", "partnership.requested", asked),
        fact("c", "fact.annulled", annulled),
        fact("a", "partnership.requested", other),
        fact("b", "meeting.held", r#"{"level":3,"meeting":"M1"}"#),
        fact("b", "meeting.held", r#"{"level":3,"meeting":"M\u0031","by":"user/U-1"}"#),
        fact("c", "fact.annulled", annulled_other),
        fact("c", "fact.annulled", annulled),
        fact("d", "custody.received", r#"{"prison":"prison/LEI","spell":"S1","reason":"admission"}"#),
    ]
}

/// Every fact of a history in words.
fn in_words(history: &History) -> Vec<String> {
    let one = |(number, row): (RowId, &Row)| {
        let texts = [Field::Request, Field::Org, Field::Meeting, Field::Prison, Field::Spell, Field::Reason];
        let texts = texts.map(|field| history.text(number, field));
        let users = history.value(number, Field::Users).map_or(&[][..], |users| history.list(users));
        let users: Vec<&str> = users.iter().map(|user| history.symbols.text(*user)).collect();
        let subject = history.symbols.text(row.subject);
        let level = history.value(number, Field::Level);
        format!("{} {} {subject} {texts:?} {users:?} {level:?}", row.position, history.reference(number))
    };
    history.rows().map(one).collect()
}

#[test]
fn facts_gathered_apart_make_the_history_that_facts_added_one_by_one_do() {
    let told = told();
    let mut one_by_one = History::default();
    let mut repeated = Vec::new();
    for (text, position) in told.iter().zip(1..) {
        let fact = Fact::parse(text).unwrap();
        match one_by_one.add(&fact, fact.recorded_or_time(), position) {
            Added::New(_) => {}
            added => repeated.push((position, added)),
        }
    }
    let outcomes: Vec<(u32, Added)> = vec![
        (3, Added::Same(0)),
        (5, Added::Conflict(0)),
        (6, Added::Same(1)),
        (7, Added::Conflict(1)),
        (8, Added::Conflict(2)),
        (9, Added::Same(2)),
    ];
    assert_eq!(repeated, outcomes);
    for size in 1..=told.len() {
        let mut apart = History::default();
        let mut repeated = Vec::new();
        for (piece, first) in told.chunks(size).zip((1..).step_by(size)) {
            let mut facts = Facts::default();
            facts.make_room(size);
            for (text, position) in piece.iter().zip(first..) {
                let fact = Fact::borrowed(text).unwrap();
                facts.push(&fact, fact.recorded_or_time(), position);
            }
            apart.append(&mut facts, |_, found| repeated.push((found.position, found.added)));
            apart.make_room(2);
        }
        assert_eq!(repeated, outcomes, "in pieces of {size}");
        assert_eq!(in_words(&apart), in_words(&one_by_one), "in pieces of {size}");
        assert_eq!(apart.annulments, one_by_one.annulments);
        let subject = apart.symbols.find("nominal/N1").unwrap();
        assert_eq!(apart.rows_of(subject), [0, 1, 2, 3]);
        assert_eq!(apart.find("/t", "d"), Some(3));
    }
}

#[test]
fn a_waiver_told_before_the_first_fact_of_a_subject_with_a_colon_names_that_subject() {
    let told = [
        ("w", "duty.waived", "duty/4.10:nominal/N:1:/t#a", r#"{"by":"user/U-1","by_role":"acpo","reason":"x"}"#),
        ("a", "nominal.died", "nominal/N:1", "{}"),
        ("b", "nominal.died", "nominal/N", "{}"),
    ]
    .map(|(id, kind, subject, data)| {
        format!(
            r#"{{"specversion":"1.0","id":"{id}","source":"/t","type":"{kind}","subject":"{subject}","time":"2026-03-02T09:00:00Z","data":{data}}}"#
        )
    });
    for size in 1..=told.len() {
        let mut history = History::default();
        for (piece, first) in told.chunks(size).zip((1..).step_by(size)) {
            let mut facts = Facts::default();
            facts.make_room(size);
            for (text, position) in piece.iter().zip(first..) {
                let fact = Fact::borrowed(text).unwrap();
                facts.push(&fact, fact.recorded_or_time(), position);
            }
            history.append(&mut facts, |_, _| {});
        }
        let waiver = &history.waivers[0];
        assert_eq!(history.symbols.text(waiver.subject), "nominal/N:1", "in pieces of {size}");
        assert_eq!((&*waiver.rule, &*waiver.opener), ("4.10", "/t#a"));
    }
}
