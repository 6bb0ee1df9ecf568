-- Proof: the Merkle tree over the leaves (RFC 6962) and the checkpoints signed of it.

-- The tree's frontier: the roots of its largest complete subtrees, 32 bytes each, the largest first. Null only until
-- a log that is older than the tree is first opened for writing.
ALTER TABLE head ADD COLUMN frontier blob;

-- Every checkpoint signed, kept outside this database as well.
CREATE TABLE checkpoints
(
  -- Number of events that it covers.
  size      integer NOT NULL PRIMARY KEY CHECK (size >= 0),
  -- The tree's frontier at that size; its root is the one signed.
  frontier  blob    NOT NULL,
  -- The signed note (C2SP signed-note, tlog-checkpoint).
  note      text    NOT NULL,
  -- When it was signed, in nanoseconds since 1970-01-01T00:00:00Z.
  signed_at integer NOT NULL
) STRICT;

CREATE TRIGGER checkpoints_refuse_update BEFORE UPDATE ON checkpoints
BEGIN
  SELECT RAISE(ABORT, 'a checkpoint is never changed');
END;

CREATE TRIGGER checkpoints_refuse_delete BEFORE DELETE ON checkpoints
BEGIN
  SELECT RAISE(ABORT, 'a checkpoint is never removed');
END;
