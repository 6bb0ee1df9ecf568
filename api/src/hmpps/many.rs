//! Many messages at once: those of one person in their order, those of different persons beside each other, so that
//! one commit of the log serves many of them.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use serde_json::Map;

use super::map::{self, Reading, Useful, What};
use super::message::{Message, MessageError};
use super::{Receiver, TakeError, Taken};

/// Messages that are taken at one time.
const LANES: usize = 16;

/// Where a message may be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lane {
    /// In this lane, after what came there before.
    Of(usize),
    /// Alone: it concerns more than one person.
    Alone,
}

type Read = Result<Message, MessageError>;

impl Receiver<'_> {
    /// Takes messages; one answer for each, in order. What one of them tells is known to those after it that name the
    /// person by the same number, and to all after a merge or a link.
    #[must_use]
    pub fn take_many(&self, texts: &[&str]) -> Vec<Result<Taken, TakeError>> {
        let read: Vec<Read> = texts.iter().map(|text| Message::read(text)).collect();
        let lanes: Vec<Lane> = read.iter().map(lane).collect();
        let mut answers = Vec::with_capacity(texts.len());
        let mut rest: &[Read] = &read;
        let mut lanes: &[Lane] = &lanes;
        while !rest.is_empty() {
            let apart = lanes.iter().take_while(|lane| **lane != Lane::Alone).count();
            let (now, later) = rest.split_at(apart.max(1));
            let (in_lanes, after) = lanes.split_at(apart.max(1));
            answers.extend(self.take_beside_each_other(now, in_lanes));
            (rest, lanes) = (later, after);
        }
        answers
    }

    fn take_beside_each_other(&self, messages: &[Read], lanes: &[Lane]) -> Vec<Result<Taken, TakeError>> {
        if messages.len() == 1 {
            return messages.iter().map(|message| self.take_read(message)).collect();
        }
        let mut answers: Vec<Option<Result<Taken, TakeError>>> = Vec::new();
        answers.resize_with(messages.len(), || None);
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..LANES)
                .filter(|lane| lanes.contains(&Lane::Of(*lane)))
                .map(|lane| {
                    let of_lane =
                        move |(place, _): &(usize, &Read)| lanes.get(*place) == Some(&Lane::Of(lane));
                    scope.spawn(move || {
                        let own = messages.iter().enumerate().filter(of_lane);
                        own.map(|(place, message)| (place, self.take_read(message))).collect::<Vec<_>>()
                    })
                })
                .collect();
            for worker in workers {
                for (place, answer) in worker.join().unwrap_or_default() {
                    if let Some(slot) = answers.get_mut(place) {
                        *slot = Some(answer);
                    }
                }
            }
        });
        let failed = || Err(TakeError::Failed("the work on a message ended early".to_owned()));
        answers.into_iter().map(|answer| answer.unwrap_or_else(failed)).collect()
    }

    fn take_read(&self, message: &Read) -> Result<Taken, TakeError> {
        match message {
            Ok(message) => self.take_message(message),
            Err(error) => Err(error.clone().into()),
        }
    }
}

fn lane(message: &Read) -> Lane {
    let Ok(message) = message else { return Lane::Of(0) };
    let numbers = match map::read(message, &Map::new()) {
        Reading::Useful(Useful { what: What::Merged | What::Unmerged | What::Linked, .. }) => {
            return Lane::Alone;
        }
        Reading::Useful(Useful { person, .. }) => person,
        Reading::Held(held) => held.numbers,
        Reading::Ignored(_) => return Lane::Of(0),
    };
    // A message that names the person by two numbers brings them together.
    match numbers.as_slice() {
        [] => Lane::Of(0),
        [(_, number)] => {
            let mut hasher = DefaultHasher::new();
            number.hash(&mut hasher);
            Lane::Of(usize::try_from(hasher.finish() % LANES as u64).unwrap_or(0))
        }
        _ => Lane::Alone,
    }
}
