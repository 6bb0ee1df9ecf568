//! The log: every fact and event once, in commit order, with its personal part sealed.
//!
//! The way of an event:
//! 1. [`NewEvent::parse`] reads the CloudEvent once, on the caller's thread, parts what is public from what is
//!    [`Private`], writes the payload and digests it.
//! 2. [`Store::append`] queues it; while the queue is full, callers wait.
//! 3. The writer, one thread with the one connection that writes, takes whatever queued while its last commit ran.
//!    In one transaction it recognises what is known by (source, id), checks expected versions, gives positions,
//!    seals, computes the [leaf](mandate_verify::leaf::Leaf) and inserts. New subject keys are made durable first, then the events.
//! 4. Each caller hears its [`Outcome`], and [`Store::watch`] that the head has moved.
//! 5. A [`Reader`], beside the writer or in another process, reads in the order of positions and fails rather than
//!    skip one. [`Keys`] open what is sealed and find a subject by a number.
//!
//! [`LogEventStore`] runs a `cqrs_es::CqrsFramework` on the same log. A data directory holds `log.db`, `keys.db`,
//! `lock` and, unless it is kept elsewhere, `keys/kek`.

mod aggregate;
mod appender;
mod backup;
mod block_on;
mod bundle;
mod carried;
mod checkpoint;
mod checkpointer;
mod cloud_event;
mod commands;
mod database;
mod erasure;
mod error;
mod event_store;
mod export;
mod folder;
mod follow;
mod identifier;
mod key_file;
mod keys;
mod leaf;
mod lease;
mod lock;
mod lookup;
mod new_event;
mod outcome;
mod plan;
mod position;
mod postgres;
mod private;
mod reader;
mod scan;
mod seal;
mod sqlite;
mod store;
mod stored_event;
mod streams;
mod told;
mod tombstones;
mod upcast;
mod verify;
mod writer;

pub use aggregate::{Given, Subject};
pub use appender::Queued;
pub use backup::{back_up, restore};
pub use bundle::Part;
pub use carried::{BUNDLE_MAGIC, Carried, CarriedError, public_line, read_bundle};
pub use checkpoint::{Signed, create_signing_key, last_published};
pub use checkpointer::Checkpointer;
pub use cloud_event::CloudEvent;
pub use commands::{Asked, CommandFailure, Commands, Done, Recorded};
pub use database::{Database, Server};
pub use erasure::{Order, OrderError};
pub use error::{DatabaseError, StoreError};
pub use event_store::{LogContext, LogEventStore};
pub use export::Export;
pub use identifier::Identifier;
pub use keys::{Keys, KeysError};
pub use leaf::EVENT_VERSION;
pub use lease::{Holder, Lease, Standing};
pub use new_event::{Claim, MAX_EVENT_BYTES, NewEvent};
pub use outcome::{First, OnError, Outcome, Refusal};
pub use position::{Head, Position, Sequence};
pub use private::Private;
pub use reader::{MAX_READ, Outline, Page, Reader, TypePage};
pub use store::{MAX_BATCH, Options, Store};
pub use stored_event::{Sealed, StoredEvent};
pub use told::Told;
pub use verify::{Problem, Verification};
