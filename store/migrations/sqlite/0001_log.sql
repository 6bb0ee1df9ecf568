-- The log: every fact and every event of Mandate, once, in the order in which it was committed.
-- A superset of sqlite-es's table `events`: its seven columns keep their names and types, so that stock
-- `sqlite_es::SqliteEventRepository` can load any aggregate. Its primary key is a UNIQUE constraint here, because
-- rows stored by position make every append a seventh faster and a replay a plain scan. Instants are nanoseconds
-- since 1970-01-01T00:00:00Z. The bytes of each row are covered by its leaf (store/src/leaf.rs).
CREATE TABLE events
(
  -- Place in the whole log, from 1, without gaps, in commit order.
  position       integer NOT NULL PRIMARY KEY CHECK (position >= 1),
  -- Kind of the subject: `nominal` of `nominal/N-1`.
  aggregate_type text    NOT NULL,
  -- The rest of the subject's id: `N-1` of `nominal/N-1`.
  aggregate_id   text    NOT NULL,
  -- Place in the subject's own stream, from 1, without gaps.
  sequence       integer NOT NULL CHECK (sequence >= 0),
  -- Type of the fact: `mappa.registered`.
  event_type     text    NOT NULL,
  -- Version of the payload's layout, for upcasters.
  event_version  text    NOT NULL,
  -- URI reference of the teller.
  source         text    NOT NULL,
  -- Id, unique within the source; (source, event_id) is the idempotency key.
  event_id       text    NOT NULL,
  -- When it occurred, as the teller says.
  occurred_at    integer NOT NULL,
  -- When the log recorded it, by the log's clock; never decreases with position.
  recorded_at    integer NOT NULL,
  -- The teller's claim of when it was recorded elsewhere (`recordedtime`); null where none was accepted.
  claimed_at     integer,
  -- Opaque id of the person or client that stated it; null for none.
  actor          text,
  -- The command that produced it; null for none.
  command_id     text,
  -- SHA-256 over all of the above, the digest of the payload and the digest of the sealed part.
  leaf           blob    NOT NULL CHECK (length(leaf) = 32),
  -- Always an empty JSON object; here for sqlite-es, which reads it.
  metadata       text    NOT NULL CHECK (metadata = '{}'),
  -- The CloudEvent as JSON text with its public data only, byte for byte as hashed.
  payload        text    NOT NULL,
  -- Personal fields, free text and unknown fields, encrypted under the subject's key; null for none.
  sealed         blob,
  UNIQUE (aggregate_type, aggregate_id, sequence),
  UNIQUE (source, event_id)
) STRICT;

-- Reading by type in position order.
CREATE INDEX events_by_type ON events (event_type, position);

-- The end of the log: one row, moved in the transaction that appends.
CREATE TABLE head
(
  -- Always 1.
  id          integer NOT NULL PRIMARY KEY CHECK (id = 1),
  -- Position of the last event; 0 while there is none.
  position    integer NOT NULL CHECK (position >= 0),
  -- High-water mark of `recorded_at`.
  recorded_at integer NOT NULL
) STRICT;

INSERT INTO head (id, position, recorded_at) VALUES (1, 0, -9223372036854775808);

CREATE TRIGGER events_refuse_update BEFORE UPDATE ON events
BEGIN
  SELECT RAISE(ABORT, 'the log is append-only: an event is never changed; annul it with fact.annulled');
END;

CREATE TRIGGER events_refuse_delete BEFORE DELETE ON events
BEGIN
  SELECT RAISE(ABORT, 'the log is append-only: an event is never removed; annul it with fact.annulled');
END;

CREATE TRIGGER head_refuse_back BEFORE UPDATE ON head
WHEN NEW.position < OLD.position OR NEW.recorded_at < OLD.recorded_at
BEGIN
  SELECT RAISE(ABORT, 'the head of the log never goes back');
END;

CREATE TRIGGER head_refuse_delete BEFORE DELETE ON head
BEGIN
  SELECT RAISE(ABORT, 'the log always has a head');
END;
