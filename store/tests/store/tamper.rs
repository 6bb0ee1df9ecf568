//! No silent change to history: every byte of a log changed, and what an insider with every right could do.

use std::collections::BTreeMap;

use mandate_store::{OnError, Options, Part, Position, Reader, Store, Verification, create_signing_key};
use mandate_verify::check::{self, Verdict};
use mandate_verify::note::{SigningKey, VerifyingKey};

use crate::common::{World, clock, create, grow, meeting, reopen};
use crate::insider::{Hand, Row, Whole, bytes_in, key_of, text_in};

/// Who holds the log's public key and one checkpoint that is older than the last.
struct Auditor {
    key: VerifyingKey,
    checkpoint: String,
}

impl Auditor {
    fn of(store: &Store, size: u64) -> Self {
        let signed = store.reader().checkpoints(Position::new(size), 1).unwrap().remove(0);
        assert_eq!(signed.size.get(), size);
        Self { key: store.verifying_key().unwrap().clone(), checkpoint: signed.note }
    }

    fn verify(&self, reader: &Reader) -> Verification {
        reader.verify(Some(&self.key), std::slice::from_ref(&self.checkpoint), |_, _| {}).unwrap()
    }
}

/// A value of a column.
#[derive(Debug, Clone, PartialEq)]
enum Cell {
    Null,
    Number(i64),
    Text(Vec<u8>),
    Bytes(Vec<u8>),
}

impl Cell {
    fn text(text: &str) -> Self {
        Self::Text(text.as_bytes().to_vec())
    }

    fn optional(text: Option<&str>) -> Self {
        text.map_or(Self::Null, Self::text)
    }

    fn length(&self) -> usize {
        match self {
            Self::Null => 0,
            Self::Number(_) => 8,
            Self::Text(bytes) | Self::Bytes(bytes) => bytes.len(),
        }
    }

    /// The same with one bit of one byte changed.
    fn flipped(&self, byte: usize, bit: usize) -> Self {
        let change = |bytes: &[u8]| {
            let mut bytes = bytes.to_vec();
            bytes[byte] ^= 1 << bit;
            bytes
        };
        match self {
            Self::Null => Self::Null,
            Self::Number(number) => {
                Self::Number(i64::from_be_bytes(change(&number.to_be_bytes()).try_into().unwrap()))
            }
            Self::Text(bytes) => Self::Text(change(bytes)),
            Self::Bytes(bytes) => Self::Bytes(change(bytes)),
        }
    }

    fn is_other_than_utf8(&self) -> bool {
        matches!(self, Self::Text(bytes) if std::str::from_utf8(bytes).is_err())
    }

    fn sql(&self, sqlite: bool) -> String {
        match self {
            Self::Null => "NULL".to_owned(),
            Self::Number(i64::MIN) => "(-9223372036854775807 - 1)".to_owned(),
            Self::Number(number) => number.to_string(),
            Self::Text(bytes) => text_in(sqlite, bytes),
            Self::Bytes(bytes) => bytes_in(sqlite, bytes),
        }
    }
}

fn cells(row: &Row) -> Vec<(&'static str, Cell)> {
    let number = |number: Option<i64>| number.map_or(Cell::Null, Cell::Number);
    vec![
        ("position", Cell::Number(row.position.cast_signed())),
        ("aggregate_type", Cell::text(&row.aggregate_type)),
        ("aggregate_id", Cell::text(&row.aggregate_id)),
        ("sequence", Cell::Number(row.sequence.cast_signed())),
        ("event_type", Cell::text(&row.event_type)),
        ("event_version", Cell::text(&row.event_version)),
        ("source", Cell::text(&row.source)),
        ("event_id", Cell::text(&row.event_id)),
        ("occurred_at", Cell::Number(row.occurred_at)),
        ("recorded_at", Cell::Number(row.recorded_at)),
        ("claimed_at", number(row.claimed_at)),
        ("actor", Cell::optional(row.actor.as_deref())),
        ("command_id", Cell::optional(row.command_id.as_deref())),
        ("leaf", Cell::Bytes(row.leaf.clone())),
        ("metadata", Cell::text("{}")),
        ("payload", Cell::text(&row.payload)),
        ("sealed", row.sealed.clone().map_or(Cell::Null, Cell::Bytes)),
    ]
}

/// What a nullable column is set to where it holds nothing.
fn something(column: &str) -> Option<Cell> {
    match column {
        "claimed_at" => Some(Cell::Number(0)),
        "actor" | "command_id" => Some(Cell::text("")),
        "sealed" => Some(Cell::Bytes(Vec::new())),
        _ => None,
    }
}

/// Changes single values of a log and has each change sought.
struct Flips<'w> {
    hand: Hand,
    sqlite: bool,
    reader: &'w Reader,
    auditor: &'w Auditor,
    /// By column: changes, those that made a text other than UTF-8, and those that the database itself refused.
    counts: BTreeMap<&'static str, [u64; 3]>,
}

impl Flips<'_> {
    /// Changes a value, has it found at exactly its position, and puts it back; whether the database took it.
    fn try_one(&mut self, position: u64, column: &'static str, from: &Cell, to: &Cell) -> bool {
        let set = |value: &Cell, at: &str| {
            format!("UPDATE events SET {column} = {} WHERE position = {at}", value.sql(self.sqlite))
        };
        let at = position.to_string();
        let (change, moved) = (set(to, &at), if column == "position" { to.sql(true) } else { at });
        let back = set(from, &moved);
        let counts = self.counts.entry(column).or_default();
        if self.hand.try_run(&change).is_err() {
            counts[2] += 1;
            return false;
        }
        counts[0] += 1;
        counts[1] += u64::from(to.is_other_than_utf8());
        let found = self.auditor.verify(self.reader);
        let code = if column == "position" { 6 } else { 5 };
        assert!(
            (found.exit_code(), found.first_bad()) == (code, Some(Position::new(position))),
            "{change}: ended with {}, first bad {:?}: {found:?}",
            found.exit_code(),
            found.first_bad()
        );
        self.hand.run(&back);
        true
    }

    /// Changes each byte that the step does not leave out, by a bit that depends on where it is, or by another one
    /// where the database refuses that; then from and to nothing.
    fn column(&mut self, position: u64, column: &'static str, value: &Cell, step: usize) {
        for byte in (0..value.length()).step_by(step) {
            let first = byte + usize::try_from(position).unwrap();
            let mut bits = (0..8).map(|turn| (first + turn) % 8);
            bits.any(|bit| self.try_one(position, column, value, &value.flipped(byte, bit)));
        }
        if let Some(something) = something(column) {
            let other = if *value == Cell::Null { something } else { Cell::Null };
            assert!(self.try_one(position, column, value, &other), "{column} {position}");
        }
    }
}

fn every_byte_of_every_event_is_covered_and_a_change_named_by_its_position(world: &World) {
    let store = create(world);
    grow(&store, 100);
    let (auditor, whole) = (Auditor::of(&store, 90), Whole::read(&store));
    drop(store);
    let reader = Store::open_read_only(world.dir.path(), &world.database).unwrap();
    assert_eq!(auditor.verify(&reader).exit_code(), 0, "the control");
    let sqlite = world.database_is_sqlite();
    let mut flips =
        Flips { hand: Hand::of(world), sqlite, reader: &reader, auditor: &auditor, counts: BTreeMap::new() };
    if !sqlite {
        // Whoever has every right need not write JSON.
        flips.hand.run("ALTER TABLE events ALTER payload TYPE text, ALTER metadata TYPE text");
    }
    for row in &whole.rows {
        // On PostgreSQL, where each change is several round trips: one row in ten, one byte in three of what is long.
        if !sqlite && row.position % 11 != 1 {
            continue;
        }
        for (column, value) in cells(row) {
            flips.column(row.position, column, &value, if sqlite || value.length() < 40 { 1 } else { 3 });
        }
    }
    println!("{:<16} {:>7} {:>10} {:>8}", "column", "flips", "not UTF-8", "refused");
    let mut sum = [0; 3];
    for (column, counts) in &flips.counts {
        println!("{column:<16} {:>7} {:>10} {:>8}", counts[0], counts[1], counts[2]);
        sum = [sum[0] + counts[0], sum[1] + counts[1], sum[2] + counts[2]];
    }
    println!("{:<16} {:>7} {:>10} {:>8}", "", sum[0], sum[1], sum[2]);
    assert_eq!(flips.counts.len(), 17, "every column");
    assert!(sum[0] > if sqlite { 30_000 } else { 1_500 }, "{sum:?}");
    assert_eq!(auditor.verify(&reader).exit_code(), 0, "the control, after all was put back");
}

fn every_byte_of_the_head_is_covered(world: &World) {
    let store = create(world);
    grow(&store, 100);
    let (auditor, whole) = (Auditor::of(&store, 90), Whole::read(&store));
    drop(store);
    let reader = Store::open_read_only(world.dir.path(), &world.database).unwrap();
    let sqlite = world.database_is_sqlite();
    let mut hand = Hand::of(world);
    let columns = [
        ("position", Cell::Number(100)),
        ("recorded_at", Cell::Number(whole.rows[99].recorded_at)),
        ("frontier", Cell::Bytes(whole.tree(100).to_bytes())),
    ];
    for (column, value) in columns {
        for byte in 0..value.length() {
            for bit in 0..8 {
                let set = |value: &Cell| format!("UPDATE head SET {column} = {}", value.sql(sqlite));
                hand.run(&set(&value.flipped(byte, bit)));
                let found = auditor.verify(&reader);
                assert!(
                    matches!(found.exit_code(), 5 | 6) && found.first_bad().is_some(),
                    "{column} {byte} {bit}: {found:?}"
                );
                hand.run(&set(&value));
            }
        }
    }
    assert_eq!(auditor.verify(&reader).exit_code(), 0, "the control, after all was put back");
}

/// What scripts may use: the untouched log, an older state of it, another log, and the log's own signing key.
struct Loot {
    whole: Whole,
    older: Whole,
    files: Vec<u8>,
    other: Whole,
    key: SigningKey,
}

/// What is to be found: the exit code, and between which positions the first bad one is.
type Found = (u8, u64, u64);

struct Script {
    name: &'static str,
    run: fn(&World, &Loot),
    found: Found,
}

/// An edit that is right in itself: the text of a payload, as its own program would have written it.
fn edit(row: &mut Row) {
    let edited = row.payload.replace("2026-03-02T09:00:00Z", "2026-03-02T09:00:01Z");
    assert_ne!(edited, row.payload);
    row.payload = edited;
    row.occurred_at += 1_000_000_000;
}

/// A copy of a row as if it were another event.
fn copy_of(row: &Row) -> Row {
    let mut copy = row.clone();
    copy.event_id.push_str("-again");
    copy.payload = copy
        .payload
        .replace(&format!("\"id\":\"{}\"", row.event_id), &format!("\"id\":\"{}\"", copy.event_id));
    copy
}

fn written(world: &World, loot: &Loot, change: impl FnOnce(&mut Whole)) {
    let mut whole = loot.whole.clone();
    change(&mut whole);
    whole.write(world);
}

const SCRIPTS: &[Script] = &[
    Script {
        name: "edit one, nothing else",
        run: |world, loot| written(world, loot, |whole| edit(&mut whole.rows[40])),
        found: (5, 41, 41),
    },
    Script {
        name: "edit and hash anew, with the tree and the head",
        run: |world, loot| {
            written(world, loot, |whole| {
                edit(&mut whole.rows[40]);
                whole.rehash();
            });
        },
        found: (5, 41, 50),
    },
    Script {
        name: "the same, checkpoints signed anew with the log's own key",
        run: |world, loot| {
            written(world, loot, |whole| {
                edit(&mut whole.rows[40]);
                whole.rehash();
                whole.sign(&loot.key);
            });
        },
        found: (5, 1, 90),
    },
    Script {
        name: "cut the tail, set the head back, remove its checkpoints",
        run: |world, loot| {
            written(world, loot, |whole| {
                whole.rows.truncate(70);
                whole.checkpoints.retain(|(size, _)| *size <= 70);
            });
        },
        found: (6, 71, 90),
    },
    Script {
        name: "cut the tail and set the head back",
        run: |world, loot| written(world, loot, |whole| whole.rows.truncate(93)),
        found: (6, 91, 93),
    },
    Script {
        name: "insert in the middle and number anew",
        run: |world, loot| {
            written(world, loot, |whole| {
                let row = copy_of(&whole.rows[12]);
                whole.rows.insert(40, row);
                whole.renumber();
            });
        },
        found: (5, 41, 50),
    },
    Script {
        name: "swap two and number anew",
        run: |world, loot| {
            written(world, loot, |whole| {
                whole.rows.swap(40, 43);
                whole.renumber();
            });
        },
        found: (5, 41, 50),
    },
    Script {
        name: "duplicate one behind the end",
        run: |world, loot| {
            written(world, loot, |whole| {
                let row = copy_of(&whole.rows[40]);
                whole.rows.push(row);
                whole.renumber();
            });
        },
        found: (6, 101, 101),
    },
    Script {
        name: "remove one in the middle and number anew",
        run: |world, loot| {
            written(world, loot, |whole| {
                whole.rows.remove(40);
                whole.renumber();
            });
        },
        found: (5, 41, 50),
    },
    Script {
        name: "put a row behind the head",
        run: |world, loot| {
            loot.whole.write(world);
            let copy = "INSERT INTO events SELECT 105, aggregate_type, aggregate_id, 77, event_type, event_version, \
                source, 'behind', occurred_at, recorded_at, claimed_at, actor, command_id, leaf, metadata, payload, \
                sealed FROM events WHERE position = 41";
            Hand::of(world).run(copy);
        },
        found: (5, 105, 105),
    },
    Script {
        name: "roll back to a backup",
        run: |world, loot| {
            if world.database_is_sqlite() {
                world.settle();
                std::fs::write(world.dir.path().join("log.db"), &loot.files).unwrap();
            } else {
                loot.older.write(world);
            }
        },
        found: (6, 61, 90),
    },
    Script { name: "fork: roll back and go on with the log's own program", run: fork, found: (5, 1, 90) },
    Script { name: "another signing key, old checkpoints removed", run: replace_key, found: (6, 91, 100) },
    Script {
        name: "edit, hash and sign everything with another key",
        run: |world, loot| {
            written(world, loot, |whole| {
                edit(&mut whole.rows[40]);
                whole.rehash();
                whole.sign(&key_of("log.example", "another"));
            });
        },
        found: (5, 1, 90),
    },
    Script {
        name: "splice another log's events in",
        run: |world, loot| {
            written(world, loot, |whole| {
                whole.rows[40..50].clone_from_slice(&loot.other.rows[40..50]);
                whole.renumber();
            });
        },
        found: (5, 41, 50),
    },
];

/// Goes back and appends other events. The program refuses as long as the published checkpoints are there.
fn fork(world: &World, loot: &Loot) {
    loot.older.write(world);
    let store = reopen(world);
    let told = store.read_only().unwrap();
    assert!(told.contains("it ends at position 60, and a checkpoint of 100 events was published"), "{told}");
    assert!(store.append_blocking(vec![meeting("refused")], OnError::Each).is_err());
    drop(store);
    std::fs::remove_file(world.dir.path().join("checkpoints")).unwrap();
    let store = reopen(world);
    for n in 61..=100 {
        store.append_blocking(vec![meeting(&format!("fork-{n}"))], OnError::Each).unwrap();
        if n % 10 == 0 {
            store.checkpoint().unwrap().unwrap();
        }
    }
}

/// Has the program sign with a new key, as if nothing had been signed before.
fn replace_key(world: &World, loot: &Loot) {
    written(world, loot, |whole| whole.checkpoints.clear());
    let options = Options::new(world.dir.path(), clock());
    std::fs::remove_file(&options.signing_key).unwrap();
    create_signing_key(&options.signing_key, "log.example").unwrap();
    let store = reopen(world);
    let told = store.read_only().unwrap();
    assert!(told.contains("are signed by another key"), "{told}");
    drop(store);
    std::fs::remove_file(&options.checkpoints).unwrap();
    assert_eq!(reopen(world).checkpoint().unwrap().unwrap().size, Position::new(100));
}

/// The range in which a verdict says that the first bad position is.
fn range(verdict: &Verdict) -> Option<(u64, u64)> {
    match verdict {
        Verdict::Altered { first, last, .. } | Verdict::Missing { first, last, .. } => Some((*first, *last)),
        Verdict::Ok { .. } | Verdict::Unreadable { .. } => None,
    }
}

/// What the verification of the database found.
fn found(found: &Verification) -> (u8, u64, u64) {
    let first = found.first_bad().map_or(0, Position::get);
    let last =
        range(&found.report.verdict).filter(|(begin, _)| *begin == first).map_or(first, |(_, last)| last);
    (found.exit_code(), first, last)
}

fn whatever_an_insider_does_an_auditor_finds_it(world: &World) {
    let store = create(world);
    grow(&store, 60);
    let older = Whole::read(&store);
    drop(store);
    let files = if world.database_is_sqlite() {
        world.settle();
        std::fs::read(world.dir.path().join("log.db")).unwrap()
    } else {
        Vec::new()
    };
    let store = reopen(world);
    grow(&store, 100);
    let (auditor, whole) = (Auditor::of(&store, 90), Whole::read(&store));
    drop(store);
    let options = Options::new(world.dir.path(), clock());
    let signing = std::fs::read_to_string(&options.signing_key).unwrap();
    let published = std::fs::read(&options.checkpoints).unwrap();
    let elsewhere = world.another();
    let other = {
        let store = create(&elsewhere);
        let more = (0..100).map(|n| meeting(&format!("other-{n}"))).collect();
        store.append_blocking(more, OnError::All).unwrap();
        Whole::read(&store)
    };
    let loot = Loot { whole, older, files, other, key: SigningKey::parse(signing.trim()).unwrap() };
    println!("{:<60} {:>4}  positions", "script", "exit");
    for script in SCRIPTS {
        (script.run)(world, &loot);
        let reader = Store::open_read_only(world.dir.path(), &world.database).unwrap();
        let verification = auditor.verify(&reader);
        let told = found(&verification);
        println!("{:<60} {:>4}  {} to {}", script.name, told.0, told.1, told.2);
        assert_eq!(told, script.found, "{}: {verification:?}", script.name);
        outsider_agrees(&reader, &auditor, script);
        drop(reader);
        std::fs::remove_file(&options.signing_key).unwrap();
        let mut secret = std::fs::OpenOptions::new();
        let secret = std::os::unix::fs::OpenOptionsExt::mode(secret.write(true).create_new(true), 0o600);
        std::io::Write::write_all(&mut secret.open(&options.signing_key).unwrap(), signing.as_bytes())
            .unwrap();
        std::fs::write(&options.checkpoints, &published).unwrap();
        loot.whole.write(world);
        let reader = Store::open_read_only(world.dir.path(), &world.database).unwrap();
        let control = auditor.verify(&reader);
        assert_eq!(control.exit_code(), 0, "the control after `{}`: {control:?}", script.name);
        outsider(&reader, &auditor).map(|report| assert_eq!(report.verdict.exit_code(), 0)).unwrap();
    }
    assert_eq!(reopen(world).read_only(), None);
}

/// What `mandate-verify` says of a bundle, where one can be written.
fn outsider(reader: &Reader, auditor: &Auditor) -> Option<check::Report> {
    let mut bundle = Vec::new();
    reader.export_bundle(&mut bundle, Part::default(), &[]).ok()?;
    Some(check::verify(bundle.as_slice(), &auditor.key, &[&auditor.checkpoint]).unwrap())
}

/// A bundle shows the same, but for what stands behind the last checkpoint of a log, which it leaves out.
fn outsider_agrees(reader: &Reader, auditor: &Auditor, script: &Script) {
    let Some(report) = outsider(reader, auditor) else { return };
    let told = (report.verdict.exit_code(), range(&report.verdict));
    let wanted = match script.name {
        "duplicate one behind the end"
        | "put a row behind the head"
        | "cut the tail and set the head back" => (0, None),
        _ => (script.found.0, Some((script.found.1, script.found.2))),
    };
    assert_eq!(told, wanted, "{}: {report}", script.name);
}

both! {
    every_byte_of_every_event_is_covered_and_a_change_named_by_its_position,
    every_byte_of_the_head_is_covered,
    whatever_an_insider_does_an_auditor_finds_it,
}
