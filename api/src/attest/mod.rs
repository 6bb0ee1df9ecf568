//! Attestations as CSV: what ViSOR and the registers around it cannot send themselves.
//!
//! Each row becomes one fact with `evidence: attested`. Its id is made of the SHA-256 of the file and the row's number,
//! so that the same file twice is stored once; the log keeps who attested it and when it was recorded.

mod file;
mod kinds;
mod row;

pub use file::{FileError, Imported, RowError, Target, import};
pub use kinds::{Act, Column, KINDS, Kind, form_of};
pub use row::{About, Row, Wrong};

/// The source of attested facts.
pub const SOURCE: &str = "/visor/attested";

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::sync::Arc;

    use mandate_domain::catalogue::FactType;
    use mandate_domain::time::{Instant, VirtualClock};
    use mandate_store::{Keys, MAX_READ, Options, Position, Store, StoredEvent};

    use super::*;

    struct Desk {
        folder: tempfile::TempDir,
        clock: Arc<VirtualClock>,
        store: Store,
    }

    impl Desk {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let clock = Arc::new(VirtualClock::new(Instant::parse("2026-05-01T09:00:00Z").unwrap()));
            Keys::create(&folder.path().join("keys/kek")).unwrap();
            let store = Store::open(Options::new(folder.path(), clock.clone())).unwrap();
            Self { folder, clock, store }
        }

        fn file(&self, text: &str) -> PathBuf {
            let path = self.folder.path().join("register.csv");
            std::fs::write(&path, text).unwrap();
            path
        }

        /// Imports a text; what was counted, and the rows that were refused.
        fn import(&self, kind: &str, text: &str) -> (Result<Imported, FileError>, Vec<RowError>) {
            let mut refused = Vec::new();
            let mut keep = |error: &RowError| {
                refused.push(error.clone());
                Ok(())
            };
            let (path, kind) = (self.file(text), Kind::named(kind).unwrap());
            let target = Target::Store(&self.store);
            let counts = import(&path, kind, None, target, &*self.clock, &mut keep);
            (counts, refused)
        }

        fn events(&self) -> Vec<StoredEvent> {
            self.store.reader().read_after(Position::new(0), MAX_READ).unwrap().events
        }

        fn of(&self, kind: FactType) -> Vec<StoredEvent> {
            self.events().into_iter().filter(|event| event.fact.kind == kind).collect()
        }
    }

    #[test]
    fn every_sample_has_the_usual_header_and_is_taken_once() {
        for kind in KINDS {
            let desk = Desk::new();
            let columns: Vec<_> = kind.columns().iter().map(|column| column.name).collect();
            assert_eq!(kind.sample.lines().next().unwrap(), columns.join(","), "{}", kind.name);
            let (counts, refused) = desk.import(kind.name, kind.sample);
            assert!(refused.is_empty(), "{}: {refused:?}", kind.name);
            let rows = kind.sample.lines().count() as u64 - 1;
            assert_eq!(counts.unwrap().stored, rows, "{}", kind.name);
            let stored = desk.events().len();
            let again = desk.import(kind.name, kind.sample).0.unwrap();
            assert_eq!((again.stored, again.already_stored), (0, rows), "{}", kind.name);
            assert_eq!(desk.events().len(), stored, "{}", kind.name);
        }
    }

    #[test]
    fn a_file_saved_anew_or_mended_in_one_row_states_nothing_twice() {
        let desk = Desk::new();
        let head = "nominal,act,date,by,owner\n";
        let first = "nominal/N-2,created,2026-03-02,user/u-17,area/A07\n";
        let text = format!("{head}{first}nominal/N-3,created,2026-13-02,user/u-17,area/A07\n");
        let counts = desk.import("records", &text).0.unwrap();
        assert_eq!((counts.stored, counts.refused), (1, 1));
        let mended = text.replace("2026-13-02", "2026-12-02").replace('\n', "\r\n");
        let counts = desk.import("records", &format!("{mended}{first}")).0.unwrap();
        assert_eq!((counts.stored, counts.already_stored, counts.refused), (1, 2, 0));
        assert_eq!(desk.of(FactType::RecordCreated).len(), 2);
        // Somebody else attests the same: told, and stored once.
        let (counts, refused) = desk.import("records", &format!("{head}{}", first.replace("u-17", "u-18")));
        assert_eq!((counts.unwrap().refused, refused.len()), (1, 1), "{refused:?}");
    }

    #[test]
    fn a_row_becomes_a_fact_at_noon_with_who_attested_it() {
        let desk = Desk::new();
        let text = "crn,act,date,by,owner,basic\nx777978,created,01/07/2026,user/u-17,area/A07,no\n";
        assert_eq!(desk.import("records", text).0.unwrap().stored, 1);
        let created = desk.of(FactType::RecordCreated).pop().unwrap();
        // 12:00 in London is 11:00 UTC in July.
        assert_eq!(created.fact.time.to_string(), "2026-07-01T11:00:00Z");
        assert_eq!(created.actor.as_deref(), Some("user/u-17"));
        assert!(
            created
                .payload
                .contains(r#""basic":false,"by":"user/u-17","evidence":"attested","owner":"area/A07""#)
        );
        assert_eq!(&*created.fact.source, "/visor/attested");
        assert!(created.fact.id.starts_with("csv-records-"));
        assert_eq!(desk.of(FactType::NominalRegistered).len(), 1, "a person unknown so far is entered");
        let more = "crn,act,date,by\nX777978,archived,2026-07-02,user/u-17\n";
        assert_eq!(desk.import("records", more).0.unwrap().stored, 1);
        assert_eq!(desk.of(FactType::RecordArchived)[0].fact.subject, created.fact.subject);
    }

    #[test]
    fn a_wrong_header_is_named_and_nothing_is_stored() {
        let desk = Desk::new();
        for (text, wanted) in [
            (
                "crn,act,day,by\n",
                "line 1, column 3: `day` is no column of csv:records; known are nominal,crn,",
            ),
            ("crn;act;date;by\n", "line 1: columns are separated by ';'; expected commas"),
            (
                "crn,act,by\nX777978,archived,user/u-17\n",
                "line 1: column `date` is missing (the date of the act",
            ),
            ("crn,act,date,crn\n", "line 1, column 4: `crn` stands there twice"),
            ("\u{fffd}", "is no column of csv:records"),
        ] {
            let said = desk.import("records", text).0.unwrap_err().to_string();
            assert!(said.contains(wanted), "{said}\nwanted {wanted}");
        }
        assert!(desk.events().is_empty());
        let path = desk.file("x");
        std::fs::write(&path, b"crn,act,date,by\n\xff\n").unwrap();
        let kind = Kind::named("records").unwrap();
        let said = import(&path, kind, None, Target::Check, &*desk.clock, &mut |_| Ok(())).unwrap_err();
        assert!(said.to_string().contains("not UTF-8 after byte 16"), "{said}");
    }

    #[test]
    fn a_wrong_cell_is_named_with_its_line_and_what_would_be_right() {
        let desk = Desk::new();
        let header = "nominal,crn,noms,pnc,act,date,time,by,owner,to,limited\n";
        for (row, wanted) in [
            (",X77797,,,archived,2026-03-02,,u,,,", "column `crn`: expected a letter and six digits"),
            (
                ",,A8513E,,archived,2026-03-02,,u,,,",
                "column `noms`: expected a letter, four digits and two letters",
            ),
            (
                ",,,2002/0073319A,archived,2026-03-02,,u,,,",
                "column `pnc`: expected year, slash, serial and the right check letter",
            ),
            ("X777978,,,,archived,2026-03-02,,u,,,", "column `nominal`: expected an opaque id; a CRN"),
            ("user/u-1,,,,archived,2026-03-02,,u,,,", "column `nominal`: expected an id such as nominal/…"),
            (
                ",,,,archived,2026-03-02,,u,,,",
                "column `nominal`: empty; name the nominal here, or one of crn, noms",
            ),
            ("N-1,,,,made,2026-03-02,,u,,,", "column `act`: expected one of created, archived"),
            (
                "N-1,,,,archived,2026-02-30,,u,,,",
                "column `date`: `2026-02-30`: expected a date such as 2026-03-02",
            ),
            (
                "N-1,,,,archived,2026-03-02,25:00,u,,,",
                "column `time`: `25:00`: expected a time such as 14:30",
            ),
            ("N-1,,,,archived,2026-03-29,01:30,u,,,", "column `time`: `01:30`: the clock in London skips it"),
            ("N-1,,,,archived,2026-03-02,,,,,", "column `by`: empty; name who attests it"),
            ("N-1,,,,archived,2026-03-02,,X777978,,,", "column `by`: expected an opaque id"),
            ("N-1,,,,archived,2026-03-02,,u,area/A07,,", "column `owner`: `archived` takes none"),
            (
                "N-1,,,,created,2026-03-02,,u,,,",
                "column `owner`: missing; record.created needs an id such as \"area/…\"",
            ),
            (
                "N-1,,,,created,2026-03-02,,u,prison/LEI,,",
                "column `owner`: expected an id such as \"area/…\"",
            ),
            ("N-1,,,,access-limited,2026-03-02,,u,,,maybe", "column `limited`: `maybe`: expected yes or no"),
            ("N-1,,,,archived,2026-03-02,,u,,,,,", "column `12`: 13 cells, and the header has 11 columns"),
        ] {
            let good = "N-1,,,,archived,2026-03-02,,u,,,\n";
            let (counts, refused) = desk.import("records", &format!("{header}{good}\n{row}\n"));
            let counts = counts.unwrap();
            assert_eq!((counts.stored + counts.already_stored, counts.refused), (1, 1), "{row}");
            assert_eq!(
                (refused[0].line, refused[0].text.as_str()),
                (4, row),
                "whole, so that it can be mended"
            );
            assert!(refused[0].reason.starts_with(wanted), "{}\nwanted {wanted}", refused[0].reason);
        }
    }

    #[test]
    fn when_a_row_was_recorded_elsewhere_is_kept_as_a_claim_and_never_lies_before_the_act() {
        let desk = Desk::new();
        let text = "nominal,act,date,time,by,recorded,owner\n\
                    N-1,created,2026-03-02,14:30,u,2026-03-04 09:15,area/A07\n\
                    N-2,created,2026-03-02,14:30,u,02/03/2026,area/A07\n\
                    N-3,created,2026-03-02,14:30,u,2026-03-01,area/A07\n";
        let (counts, refused) = desk.import("records", text);
        assert_eq!(counts.unwrap().stored, 2);
        assert_eq!(refused[0].reason, "column `recorded`: `2026-03-01`: it lies before the act itself");
        let claims: Vec<_> = desk
            .of(FactType::RecordCreated)
            .iter()
            .map(|event| event.claimed_at.map(|at| at.to_string()).unwrap_or_default())
            .collect();
        assert_eq!(
            claims,
            ["2026-03-04T09:15:00Z", "2026-03-02T14:30:00Z"],
            "the day of the act is no earlier"
        );
    }

    #[test]
    fn a_register_of_several_kinds_of_organisation_takes_whole_ids_only() {
        let desk = Desk::new();
        let text = "organisation,act,date,by,paragraph,period_from,period_to,outcome,sample\n\
                    prison/LEI,attested,2026-04-02,u,5.2,2026-01-01,2026-03-31,met,18/20\n\
                    LEI,attested,2026-04-02,u,5.2,2026-01-01,2026-03-31,met,\n\
                    user/u-1,attested,2026-04-02,u,5.2,2026-01-01,2026-03-31,met,\n\
                    prison/LEI,attested,2026-04-02,u,5.2,2026-01-01,2026-03-31,met,21/20\n";
        let (counts, refused) = desk.import("attestations", text);
        assert_eq!(counts.unwrap().stored, 1);
        let reasons: Vec<&str> = refused.iter().map(|refused| refused.reason.as_str()).collect();
        for reason in &reasons[..2] {
            assert!(
                reason.starts_with("column `organisation`: expected an id such as area/… or unit/…"),
                "{reason}"
            );
        }
        assert!(
            reasons[2].starts_with("column `sample`: `21/20`: expected how many passed"),
            "{}",
            reasons[2]
        );
        let attested = desk.of(FactType::RequirementAttested).pop().unwrap();
        assert!(attested.payload.contains(r#""sample":{"size":20,"passed":18}"#), "{}", attested.payload);
    }

    #[test]
    fn what_is_personal_is_sealed() {
        let desk = Desk::new();
        desk.import("people", Kind::named("people").unwrap().sample).0.unwrap();
        desk.import("records", Kind::named("records").unwrap().sample).0.unwrap();
        for event in desk.events() {
            for personal in ["Idowu", "una@", "X777978", "0073319"] {
                assert!(!event.payload.contains(personal), "{}", event.payload);
            }
        }
        let registered = desk.of(FactType::UserRegistered).pop().unwrap();
        let private = desk.store.keys().unseal(&registered).unwrap();
        assert_eq!(private.get("personal").unwrap()["email"], "una@example.gov.uk");
    }
}
