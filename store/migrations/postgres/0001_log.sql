-- The log: every fact and every event of Mandate, once, in the order in which it was committed.
-- A superset of postgres-es's table `events`: its seven columns keep their names and types, so that stock
-- `postgres_es::PostgresEventRepository` can load any aggregate. One unpartitioned table, because position,
-- (aggregate, sequence) and (source, id) must be unique over the whole log.
CREATE TABLE events
(
  position       bigint NOT NULL CHECK (position >= 1),
  aggregate_type text   COLLATE "C" NOT NULL,
  aggregate_id   text   COLLATE "C" NOT NULL,
  sequence       bigint NOT NULL CHECK (sequence >= 1),
  event_type     text   COLLATE "C" NOT NULL,
  event_version  text   NOT NULL,
  source         text   COLLATE "C" NOT NULL,
  event_id       text   COLLATE "C" NOT NULL,
  occurred_at    bigint NOT NULL,
  recorded_at    bigint NOT NULL,
  claimed_at     bigint,
  actor          text,
  command_id     text,
  leaf           bytea  NOT NULL CHECK (length(leaf) = 32),
  metadata       json   NOT NULL CHECK (metadata::text = '{}'),
  payload        json   NOT NULL,
  sealed         bytea,
  CONSTRAINT events_pkey PRIMARY KEY (position),
  CONSTRAINT events_stream_key UNIQUE (aggregate_type, aggregate_id, sequence),
  CONSTRAINT events_source_key UNIQUE (source, event_id)
);

COMMENT ON TABLE events IS 'The log: every event once, in commit order. Instants are nanoseconds since 1970-01-01T00:00:00Z; the bytes of each row are covered by its leaf.';
COMMENT ON COLUMN events.position IS 'Place in the whole log, from 1, without gaps, in commit order.';
COMMENT ON COLUMN events.aggregate_type IS 'Kind of the subject: `nominal` of `nominal/N-1`.';
COMMENT ON COLUMN events.aggregate_id IS 'The rest of the subject''s id: `N-1` of `nominal/N-1`.';
COMMENT ON COLUMN events.sequence IS 'Place in the subject''s own stream, from 1, without gaps.';
COMMENT ON COLUMN events.event_type IS 'Type of the fact: `mappa.registered`.';
COMMENT ON COLUMN events.event_version IS 'Version of the payload''s layout, for upcasters.';
COMMENT ON COLUMN events.source IS 'URI reference of the teller.';
COMMENT ON COLUMN events.event_id IS 'Id, unique within the source; (source, event_id) is the idempotency key.';
COMMENT ON COLUMN events.occurred_at IS 'When it occurred, as the teller says.';
COMMENT ON COLUMN events.recorded_at IS 'When the log recorded it, by the log''s clock; never decreases with position.';
COMMENT ON COLUMN events.claimed_at IS 'The teller''s claim of when it was recorded elsewhere; null where none was accepted.';
COMMENT ON COLUMN events.actor IS 'Opaque id of the person or client that stated it; null for none.';
COMMENT ON COLUMN events.command_id IS 'The command that produced it; null for none.';
COMMENT ON COLUMN events.leaf IS 'SHA-256 over all of the row: the leaf hash of the Merkle tree (RFC 6962).';
COMMENT ON COLUMN events.metadata IS 'Always an empty JSON object; here for postgres-es, which reads it.';
COMMENT ON COLUMN events.payload IS 'The CloudEvent as JSON text with its public data only, byte for byte as hashed (the type json keeps the text).';
COMMENT ON COLUMN events.sealed IS 'Personal fields, free text and unknown fields, encrypted under the subject''s key; null for none.';

-- Reading by type in position order.
CREATE INDEX events_by_type ON events (event_type, position);

-- The end of the log: one row; its lock is what puts appends in order.
CREATE TABLE head
(
  id          smallint NOT NULL PRIMARY KEY CHECK (id = 1),
  position    bigint   NOT NULL CHECK (position >= 0),
  recorded_at bigint   NOT NULL,
  frontier    bytea    NOT NULL
) WITH (fillfactor = 10);

COMMENT ON TABLE head IS 'The end of the log: one row, moved by the statement that appends.';
COMMENT ON COLUMN head.id IS 'Always 1.';
COMMENT ON COLUMN head.position IS 'Position of the last event; 0 while there is none.';
COMMENT ON COLUMN head.recorded_at IS 'High-water mark of recorded_at.';
COMMENT ON COLUMN head.frontier IS 'The Merkle tree''s frontier: the roots of its largest complete subtrees, 32 bytes each, the largest first.';

INSERT INTO head (id, position, recorded_at, frontier) VALUES (1, 0, -9223372036854775808, '');

-- Every checkpoint signed, kept outside this database as well.
CREATE TABLE checkpoints
(
  size      bigint NOT NULL PRIMARY KEY CHECK (size >= 0),
  frontier  bytea  NOT NULL,
  note      text   NOT NULL,
  signed_at bigint NOT NULL
);

COMMENT ON TABLE checkpoints IS 'Every checkpoint signed of the tree.';
COMMENT ON COLUMN checkpoints.size IS 'Number of events that it covers.';
COMMENT ON COLUMN checkpoints.frontier IS 'The tree''s frontier at that size; its root is the one signed.';
COMMENT ON COLUMN checkpoints.note IS 'The signed note (C2SP signed-note, tlog-checkpoint).';
COMMENT ON COLUMN checkpoints.signed_at IS 'When it was signed, in nanoseconds since 1970-01-01T00:00:00Z.';

-- What is in the log is never changed or removed, whoever asks; the grants say so again.
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS
$$
BEGIN
  RAISE EXCEPTION 'the log is append-only: nothing in % is changed or removed; annul an event with fact.annulled', TG_TABLE_NAME;
END
$$;

CREATE FUNCTION refuse_back() RETURNS trigger LANGUAGE plpgsql AS
$$
BEGIN
  RAISE EXCEPTION 'the head of the log never goes back';
END
$$;

CREATE TRIGGER events_refuse_change BEFORE UPDATE OR DELETE ON events
  FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER events_refuse_truncate BEFORE TRUNCATE ON events
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER checkpoints_refuse_change BEFORE UPDATE OR DELETE ON checkpoints
  FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER checkpoints_refuse_truncate BEFORE TRUNCATE ON checkpoints
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER head_refuse_back BEFORE UPDATE ON head
  FOR EACH ROW WHEN (NEW.position < OLD.position OR NEW.recorded_at < OLD.recorded_at) EXECUTE FUNCTION refuse_back();
CREATE TRIGGER head_refuse_delete BEFORE DELETE ON head
  FOR EACH ROW EXECUTE FUNCTION refuse_back();
CREATE TRIGGER head_refuse_truncate BEFORE TRUNCATE ON head
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_back();

REVOKE UPDATE, DELETE, TRUNCATE ON events, checkpoints FROM PUBLIC, CURRENT_USER;
REVOKE DELETE, TRUNCATE ON head FROM PUBLIC, CURRENT_USER;
