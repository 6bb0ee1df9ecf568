-- The lease: which node raises and mails. Unique ids make a step once, with or without it; it saves work, and its
-- term refuses what a node that was paused still had in hand.
CREATE TABLE lease
(
  id         smallint    NOT NULL PRIMARY KEY CHECK (id = 1),
  holder     text        NOT NULL,
  term       bigint      NOT NULL CHECK (term >= 0),
  since      timestamptz NOT NULL,
  expires_at timestamptz NOT NULL
) WITH (fillfactor = 10);

COMMENT ON TABLE lease IS 'Which node raises and mails: one row, taken anew or kept up by the statement take_lease.sql. All times are of this server''s clock.';
COMMENT ON COLUMN lease.id IS 'Always 1.';
COMMENT ON COLUMN lease.holder IS 'The process that holds it, or held it last; empty before the first.';
COMMENT ON COLUMN lease.term IS 'How often it changed hands.';
COMMENT ON COLUMN lease.since IS 'Since when its holder has it.';
COMMENT ON COLUMN lease.expires_at IS 'From when on another process may take it, unless its holder keeps it up.';

INSERT INTO lease (id, holder, term, since, expires_at) VALUES (1, '', 0, to_timestamp(0), to_timestamp(0));

-- In the row whose lock puts appends in order, so that the statement that appends compares it there.
ALTER TABLE head ADD COLUMN term bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN head.term IS 'The latest term of the lease: events of a holder with an earlier one are refused.';

REVOKE DELETE, TRUNCATE ON lease FROM PUBLIC, CURRENT_USER;
