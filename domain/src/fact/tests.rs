//! Reading facts, and what is wrong with one.

use super::*;

fn fact(kind: &str, subject: &str, data: &str) -> Result<Fact, FactError> {
    Fact::parse(&format!(
        r#"{{"specversion":"1.0","id":"a","source":"/t","type":"{kind}","subject":"{subject}","time":"2026-03-02T09:00:00Z","data":{data}}}"#
    ))
}

#[test]
fn an_error_repeats_words_and_ids_and_nothing_that_may_be_personal() {
    for text in [
        "colour",
        "4.10",
        "nominal/N1",
        "N-7F3K29QX",
        "D-NOTTHERE",
        "2026-02-30",
        "-5",
        "",
        "area/A07",
        "no_such.type",
    ] {
        assert_eq!(repeated(text), text);
    }
    for text in [
        "Zebedee",
        "SMITH",
        "Mary-Ann",
        "Zebedee Quillfeather",
        "it is he",
        "X777978",
        "x777978",
        "user/A1234BC",
        "crn=X777978",
        "2002/0073319Z",
        "07700900777",
        "é",
        "a\nb",
    ] {
        assert_eq!(repeated(text), "…", "{text}");
    }
    assert_eq!(repeated(&"a".repeat(100)), format!("{}…", "a".repeat(80)));
}

fn refused(kind: &str, subject: &str, data: &str) -> String {
    fact(kind, subject, data).unwrap_err().to_string()
}

const REGISTERED: &str = r#"{"registration":"R1","category":2,"level":3,"area":"area/A1"}"#;

#[test]
fn a_registration_is_read_with_its_fields() {
    let read = fact("mappa.registered", "nominal/N1", REGISTERED).unwrap();
    assert_eq!(read.get(Field::Level), Some(&Value::Number(3)));
    assert_eq!(read.text(Field::Area), Some("area/A1"));
    assert_eq!(read.effective_on(), Date::parse("2026-03-02").unwrap());
    assert_eq!(read.reference(), "/t#a");
}

#[test]
fn unknown_fields_inside_data_are_kept_out_of_judging_and_do_not_fail() {
    assert!(fact("nominal.died", "nominal/N1", r#"{"colour":{"deep":[1,2]}}"#).is_ok());
}

#[test]
fn what_is_wrong_is_named_with_its_field_and_what_would_be_right() {
    let cases = [
        ("mappa.invented", "nominal/N1", "{}", "field `type`: unknown fact type \"mappa.invented\""),
        (
            "nominal.died",
            "user/U1",
            "{}",
            "field `subject`: `user/…` is of the wrong kind: nominal.died is about `nominal/…`",
        ),
        ("nominal.died", "nominal/X777978", "{}", "field `subject`: looks like a CRN, NOMS or PNC number"),
        (
            "mappa.deregistered",
            "nominal/N1",
            "{}",
            "field `data.registration`: missing; mappa.deregistered needs a non-empty string",
        ),
        (
            "meeting.held",
            "nominal/N1",
            r#"{"meeting":"M","level":4}"#,
            "field `data.level`: expected a whole number from 1 to 3, got 4",
        ),
        (
            "meeting.held",
            "nominal/N1",
            r#"{"meeting":7,"level":1}"#,
            "field `data.meeting`: expected a non-empty string, got 7",
        ),
        (
            "nominal.died",
            "nominal/N1",
            r#"{"on":"9999-01-01"}"#,
            "field `data.on`: `9999-01-01` is outside the years 1900 to 2200",
        ),
        (
            "nominal.died",
            "nominal/N1",
            r#"{"personal":{"address":"x"}}"#,
            "field `data.personal`: `address` is not one of",
        ),
        ("nominal.died", "nominal/N1", "[]", "field `data`: expected an object"),
        (
            "custody.left",
            "nominal/N1",
            r#"{"prison":"area/A1","reason":"release","spell":"S"}"#,
            "field `data.prison`: expected an id such as \"prison/…\", got `area/…`",
        ),
    ];
    for (kind, subject, data, wanted) in cases {
        let error = refused(kind, subject, data);
        assert!(error.starts_with(wanted), "{error}\nwanted {wanted}");
    }
}

#[test]
fn the_form_in_which_the_log_writes_is_read_as_any_other_whatever_is_put_into_it_or_cut_off() {
    let written = r#"{"specversion":"1.0","id":"e-1","source":"/t","type":"contact.flagged","subject":"nominal/N-1","time":"2026-03-02T09:00:00Z","recordedtime":"2026-03-02T10:00:00Z","data":{"contact":"c-1","note":"","x":[1,{"y":null}]}}"#;
    assert!(plain::envelope(written).is_some());
    assert!(Fact::parse_stored(written).is_ok());
    for at in 0..=written.len() {
        let (before, behind) = written.split_at(at);
        for put_in in
            ["", " ", "\"", "\\", "\\u0041", "}", "{", ",", ",\"id\":\"e-2\"", "\n", "é", "null", "0"]
        {
            for text in [format!("{before}{put_in}{behind}"), format!("{before}{put_in}")] {
                assert_eq!(Fact::parse_stored(&text), Fact::<Box<str>>::read_any(&text), "{text}");
            }
        }
    }
}

#[test]
fn unknown_fields_outside_data_are_refused_by_name() {
    let text = r#"{"specversion":"1.0","id":"a","source":"/t","type":"nominal.died","subject":"nominal/N1","time":"2026-03-02T09:00:00Z","data":{},"extra":1}"#;
    assert!(Fact::parse(text).unwrap_err().to_string().starts_with("field `extra`: unknown outside `data`"));
}

#[test]
fn nul_and_bidi_characters_are_refused_wherever_they_stand() {
    let text = r#"{"specversion":"1.0","id":"a\u0000","source":"/t","type":"nominal.died","subject":"nominal/N1","time":"2026-03-02T09:00:00Z"}"#;
    assert!(Fact::parse(text).unwrap_err().to_string().contains("U+0000"));
    assert!(refused("meeting.held", "nominal/N1", r#"{"meeting":"M\u202e","level":1}"#).contains("U+202E"));
    assert!(fact("breach.acknowledged", "duty/d", "{\"by\":\"u\",\"note\":\"two\\nlines\"}").is_ok());
}

#[test]
fn a_time_outside_1900_to_2200_and_truncated_json_are_refused() {
    let text = r#"{"specversion":"1.0","id":"a","source":"/t","type":"nominal.died","subject":"nominal/N1","time":"9999-01-01T00:00:00Z"}"#;
    assert!(Fact::parse(text).unwrap_err().to_string().contains("outside the years 1900 to 2200"));
    assert!(Fact::parse(&text[..60]).unwrap_err().to_string().starts_with("not a JSON object: EOF"));
}

#[test]
fn numbers_of_persons_are_recognised_by_their_form() {
    for text in ["X777978", "A8513EA", "81/34U", "2002/0073319Z"] {
        assert!(looks_personal(text), "{text}");
    }
    for text in ["N-7F3K29QX", "e-0000001", "x777978", "A85", "12345A", "2026/03"] {
        assert!(!looks_personal(text), "{text}");
    }
}

#[test]
fn a_number_of_a_person_is_refused_wherever_an_id_stands_and_never_said_again() {
    for (kind, data, field) in [
        ("meeting.held", r#"{"meeting":"X777978","level":1}"#, "data.meeting"),
        ("meeting.held", r#"{"meeting":"ndelius/2002/0073319Z","level":1}"#, "data.meeting"),
        ("partnership.requested", r#"{"request":"A8513EA","org":"prison/LEI"}"#, "data.request"),
        ("record.accessed", r#"{"user":"user/X777978","org":"area/A1","partnered":true}"#, "data.user"),
        ("partners.added", r#"{"org":"area/A1","users":["user/u-1","user/A8513EA"]}"#, "data.users"),
        ("dataset.checked", r#"{"complete":false,"missing":["X777978"]}"#, "data.missing"),
        ("oasys.completed", r#"{"assessment":"a","by":"81/34U"}"#, "data.by"),
        ("fact.annulled", r#"{"event":{"source":"/t","id":"X777978"},"reason":"x"}"#, "data.event"),
        ("case.transferred", r#"{"to":"X777978"}"#, "data.to"),
        ("alert.added", r#"{"code":"PVN","evidence":"X777978"}"#, "data.evidence"),
    ] {
        let error = refused(kind, "nominal/N1", data);
        assert!(error.starts_with(&format!("field `{field}`: ")), "{error}");
        for number in ["X777978", "A8513EA", "81/34U", "0073319Z"] {
            assert!(!error.contains(number), "{error}");
        }
    }
    for subject in ["X777978", "user/X777978", "nominal/2002/0073319Z", "nominal/X777978/x"] {
        let error = refused("nominal.died", subject, "{}");
        assert!(error.starts_with("field `subject`: looks like"), "{error}");
    }
}

#[test]
fn what_was_stored_before_with_such_an_id_is_read_for_good() {
    let text = r#"{"specversion":"1.0","id":"a","source":"/t","type":"meeting.held","subject":"nominal/N1","time":"2026-03-02T09:00:00Z","data":{"meeting":"X777978","level":1}}"#;
    assert!(Fact::parse(text).is_err());
    assert_eq!(Fact::parse_stored(text).unwrap().text(Field::Meeting), Some("X777978"));
}

#[test]
fn personal_data_free_text_and_unknown_fields_are_sealed() {
    assert!(is_sealed(FactType::NominalRegistered, "personal"));
    assert!(is_sealed(FactType::PartnershipRefused, "reason"));
    assert!(is_sealed(FactType::NominalDied, "colour"));
    assert!(!is_sealed(FactType::CustodyLeft, "reason"));
    assert!(!is_sealed(FactType::PolicyAdopted, "text"));
}
