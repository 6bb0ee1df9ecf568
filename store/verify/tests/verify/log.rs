//! A small log to make bundles of, and bundles as records that can be tampered with.

use std::io::Write;
use std::path::PathBuf;

use mandate_verify::Hash;
use mandate_verify::bundle::{Header, MAGIC, Reader, Record, Writer};
use mandate_verify::check::{Report, Verdict, verify};
use mandate_verify::leaf::Entry;
use mandate_verify::note::{Checkpoint, SigningKey};
use mandate_verify::tree::{Frontier, Path};

pub const NAME: &str = "mandate.example/log";

pub fn place(n: u64) -> usize {
    usize::try_from(n).unwrap()
}

/// An event that owns what it is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    pub position: u64,
    pub aggregate_id: String,
    pub sequence: u64,
    pub event_id: String,
    pub recorded_at: i64,
    pub actor: Option<String>,
    pub payload: Vec<u8>,
    pub sealed: Option<Vec<u8>>,
}

impl Event {
    pub fn entry(&self) -> Entry<'_> {
        Entry {
            position: self.position,
            aggregate_type: "nominal",
            aggregate_id: &self.aggregate_id,
            sequence: self.sequence,
            event_type: "contact.flagged",
            event_version: "1.0",
            source: "/ndelius",
            event_id: &self.event_id,
            occurred_at: self.recorded_at - 5,
            recorded_at: self.recorded_at,
            claimed_at: self.position.is_multiple_of(3).then_some(-1),
            actor: self.actor.as_deref(),
            command_id: None,
            payload: &self.payload,
            sealed: self.sealed.as_deref(),
        }
    }
}

/// What Mandate holds: the events and the key that signs checkpoints.
#[derive(Debug)]
pub struct Log {
    pub key: SigningKey,
    pub events: Vec<Event>,
}

impl Log {
    pub fn new(size: u64) -> Self {
        let events = (1..=size).map(|position| Event {
            position,
            aggregate_id: format!("N-{}", position % 4),
            sequence: position.div_ceil(4),
            event_id: format!("e-{position}"),
            recorded_at: 1_000 * i64::try_from(position).unwrap(),
            actor: position.is_multiple_of(2).then(|| "u-1".to_owned()),
            payload: format!(r#"{{"n":{position}}}"#).into_bytes(),
            sealed: position.is_multiple_of(5).then(|| vec![0xee; 8]),
        });
        Self { key: SigningKey::from_seed(NAME, &[7; 32]).unwrap(), events: events.collect() }
    }

    pub fn size(&self) -> u64 {
        self.events.len() as u64
    }

    pub fn leaves(&self) -> Vec<Hash> {
        self.events.iter().map(|event| event.entry().digest()).collect()
    }

    pub fn tree(&self, size: u64) -> Frontier {
        let mut tree = Frontier::new();
        tree.extend(self.leaves().into_iter().take(place(size)));
        tree
    }

    pub fn checkpoint(&self, size: u64) -> String {
        self.key.sign(&Checkpoint::new(NAME, size, self.tree(size).root())).unwrap()
    }

    pub fn proof(&self, old: u64, new: u64) -> Vec<Hash> {
        Path::consistency(old, new).unwrap().prove(&self.leaves()).unwrap()
    }

    /// The events of a range with the checkpoints of some sizes, those beyond the range with their proofs.
    pub fn bundle(&self, first: u64, last: u64, sizes: &[u64]) -> Vec<u8> {
        let frontier = self.tree(first - 1);
        let header = Header { origin: NAME.to_owned(), first, last, frontier };
        let mut writer = Writer::new(Vec::new(), &header).unwrap();
        let mut sizes = sizes.iter().copied().peekable();
        for event in &self.events[place(first - 1)..place(last)] {
            while let Some(size) = sizes.next_if(|size| *size < event.position) {
                writer.checkpoint(&self.checkpoint(size)).unwrap();
            }
            writer.event(&event.entry(), &event.entry().digest()).unwrap();
        }
        let rest: Vec<u64> = sizes.collect();
        for size in &rest {
            writer.checkpoint(&self.checkpoint(*size)).unwrap();
        }
        for size in rest.into_iter().filter(|size| *size > last) {
            writer.proof(size, &self.proof(last, size)).unwrap();
        }
        writer.finish().unwrap()
    }

    /// Everything, with a checkpoint of every fourth size and of the last.
    pub fn whole(&self) -> Vec<u8> {
        let mut sizes: Vec<u64> = (1..=self.size()).filter(|size| size.is_multiple_of(4)).collect();
        if sizes.last() != Some(&self.size()) {
            sizes.push(self.size());
        }
        self.bundle(1, self.size(), &sizes)
    }

    pub fn verify(&self, bundle: &[u8], brought: &[String]) -> Report {
        verify(bundle, self.key.verifying_key(), brought).unwrap()
    }

    /// Exit code, first and last position of the verdict.
    pub fn verdict(&self, bundle: &[u8], brought: &[String]) -> (u8, u64, u64) {
        let verdict = self.verify(bundle, brought).verdict;
        let (first, last) = range(&verdict);
        (verdict.exit_code(), first, last)
    }
}

pub fn range(verdict: &Verdict) -> (u64, u64) {
    match verdict {
        Verdict::Ok { first, last, .. }
        | Verdict::Altered { first, last, .. }
        | Verdict::Missing { first, last, .. } => (*first, *last),
        Verdict::Unreadable { .. } => (0, 0),
    }
}

/// A bundle as kinds and bodies, whatever they say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raw(pub Vec<(u8, Vec<u8>)>);

impl Raw {
    pub fn parse(bundle: &[u8]) -> Self {
        let mut rest = bundle.strip_prefix(MAGIC).unwrap();
        let mut records = Vec::new();
        while let Some((kind, after)) = rest.split_first() {
            let (length, after) = after.split_first_chunk().unwrap();
            let (body, after) = after.split_at(u32::from_be_bytes(*length) as usize);
            records.push((*kind, body.to_vec()));
            rest = after;
        }
        Self(records)
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        for (kind, body) in &self.0 {
            bytes.push(*kind);
            bytes.extend(u32::try_from(body.len()).unwrap().to_be_bytes());
            bytes.extend(body);
        }
        bytes
    }

    /// Places of the records of a kind.
    pub fn places(&self, kind: u8) -> Vec<usize> {
        (0..self.0.len()).filter(|place| self.0[*place].0 == kind).collect()
    }

    pub fn without(mut self, places: &[usize]) -> Self {
        let mut place = 0;
        self.0.retain(|_| {
            place += 1;
            !places.contains(&(place - 1))
        });
        self
    }
}

/// A record of a policy beside the log.
pub fn beside(text: &str) -> (u8, Vec<u8>) {
    let header = Header { origin: NAME.to_owned(), first: 1, last: 0, frontier: Frontier::new() };
    let mut writer = Writer::new(Vec::new(), &header).unwrap();
    writer.beside("policy", text).unwrap();
    Raw::parse(&writer.finish().unwrap()).0.swap_remove(1)
}

/// What a bundle says of history: its range and frontier, its events and what was signed.
#[derive(Debug, PartialEq, Eq)]
pub struct History {
    header: Option<Header>,
    events: Vec<(Vec<u8>, Hash)>,
    texts: Vec<String>,
}

pub fn history(bundle: &[u8]) -> Option<History> {
    let mut reader = Reader::new(bundle).ok()?;
    let mut history = History { header: None, events: Vec::new(), texts: Vec::new() };
    loop {
        match reader.next_record().ok()? {
            None => return Some(history),
            Some(Record::Header(header)) => history.header = Some(header),
            Some(Record::Event(entry, leaf)) => {
                let mut bytes = Vec::new();
                entry.write(&mut bytes);
                history.events.push((bytes, leaf));
            }
            Some(Record::Checkpoint(note)) => history.texts.push(note.rsplit_once("\n\n")?.0.to_owned()),
            Some(Record::Beside { .. } | Record::Proof { .. } | Record::End(_)) => {}
        }
    }
}

/// A file with these bytes in a folder.
pub fn file(folder: &tempfile::TempDir, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.path().join(name);
    std::fs::File::create(&path).unwrap().write_all(bytes.as_ref()).unwrap();
    path
}
