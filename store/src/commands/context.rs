//! What commands are decided on: the people and organisations kept at hand, and the histories of persons.

use std::collections::BTreeMap;
use std::sync::Arc;

use mandate_domain::catalogue::{FactType, Field};
use mandate_domain::command::{CommandName, Context, Stream};
use mandate_domain::rights::Directory;
use mandate_domain::time::Instant;

use super::{Asked, CommandFailure, Commands, blocking};
use crate::error::StoreError;
use crate::keys::locked;
use crate::new_event::Tie;
use crate::position::{Position, Sequence};
use crate::reader::MAX_READ;

/// The directory, and how far in the log it is.
#[derive(Default)]
pub(super) struct Followed {
    directory: Arc<Directory>,
    reached: Position,
}

impl Commands {
    /// Users, posts and organisations as of the end of the log. The first time all of them are read, then only what
    /// was appended since. Blocking.
    ///
    /// # Errors
    /// [`StoreError`] when the log cannot be read.
    pub fn directory(&self) -> Result<Arc<Directory>, StoreError> {
        Ok(self.followed()?.0)
    }

    /// The directory, and how far in the log it is.
    fn followed(&self) -> Result<(Arc<Directory>, Position), StoreError> {
        let mut followed = locked(&self.shared.directory);
        let Followed { directory, reached } = &mut *followed;
        let head = self.store.reader().head()?.position;
        while *reached < head {
            let page = self.store.reader().read_types(Directory::TYPES, *reached, MAX_READ)?;
            if !page.events.is_empty() {
                let directory = Arc::make_mut(directory);
                page.events.into_iter().for_each(|event| directory.take(event.fact));
            }
            if page.searched_to <= *reached {
                break;
            }
            *reached = page.searched_to;
        }
        Ok((Arc::clone(directory), *reached))
    }

    /// The history of a subject, and of those that merges make one with it. Blocking.
    ///
    /// # Errors
    /// [`StoreError`] when the log cannot be read.
    pub fn history(&self, subject: &str, directory: &Directory, now: Instant) -> Result<Stream, StoreError> {
        Ok(self.joined(&directory.unit(subject, now))?.0)
    }

    /// The streams of some subjects as one, in the order of the log, and a tie to each.
    pub(super) fn joined(&self, subjects: &[Box<str>]) -> Result<(Stream, Vec<Tie>), StoreError> {
        let (mut events, mut ties) = (Vec::new(), Vec::with_capacity(subjects.len()));
        for subject in subjects {
            let mut after = Sequence::START;
            loop {
                let page = self.store.reader().read_subject(subject, after, MAX_READ)?;
                let Some(last) = page.last() else { break };
                after = last.sequence;
                events.extend(page);
            }
            ties.push(Tie::Stream(subject.clone(), after));
        }
        events.sort_by_key(|event| event.position);
        let mut stream = Stream::default();
        for event in events {
            stream.take(event.fact);
        }
        Ok((stream, ties))
    }

    /// What a decision needs beside the subject's own stream, and what of it must still be so when it is stored.
    pub(super) async fn context(
        &self,
        asked: &Asked,
        command_id: &str,
    ) -> Result<(Context, Vec<Tie>), CommandFailure> {
        let (this, command, now) = (self.clone(), Arc::clone(&asked.command), asked.now);
        let (directory, survivor, whole, ties) = blocking(move || {
            let (directory, reached) = this.followed()?;
            let mut ties = Vec::new();
            let mut joined = |unit: &[Box<str>]| -> Result<Stream, StoreError> {
                let (stream, theirs) = this.joined(unit)?;
                ties.extend(theirs);
                Ok(stream)
            };
            let survivor = match command.text(Field::Into) {
                Some(into) => Some(Arc::new(joined(&directory.unit(into, now))?)),
                None => None,
            };
            let mut whole = BTreeMap::new();
            for subject in &command.subjects {
                let unit = directory.unit(subject, now);
                if unit.len() > 1 {
                    whole.insert(subject.clone(), joined(&unit)?);
                }
            }
            // What several streams may say at once, and only one of them may, is decided on all that the directory knows:
            // there is one CPC token to an area, and merges close no circle.
            let alone = match command.name {
                CommandName::GrantToken if command.text(Field::Token) == Some("cpc") => {
                    Some(FactType::TokenGranted)
                }
                CommandName::MergeNominals => Some(FactType::NominalMerged),
                _ => None,
            };
            ties.extend(alone.map(|kind| Tie::NoneSince(kind, reached)));
            Ok((directory, survivor, whole, ties))
        })
        .await?;
        let context = Context {
            now,
            actor: asked.actor.as_str().into(),
            command_id: command_id.into(),
            directory,
            expected: asked.expected,
            duties: asked.duties.clone().into(),
            survivor,
            whole: Arc::new(whole),
        };
        Ok((context, ties))
    }
}
