-- Subjects whose key was destroyed; none is made for them again.
CREATE TABLE erased
(
  -- Full id of the subject.
  subject   text    NOT NULL PRIMARY KEY,
  -- When, in nanoseconds since 1970-01-01T00:00:00Z.
  erased_at integer NOT NULL
) STRICT, WITHOUT ROWID;

-- Subjects whose personal data is kept and not shown.
CREATE TABLE restricted
(
  -- Full id of the subject.
  subject       text    NOT NULL PRIMARY KEY,
  -- Since when, in nanoseconds since 1970-01-01T00:00:00Z.
  restricted_at integer NOT NULL
) STRICT, WITHOUT ROWID;

-- The key of the look-up index, wrapped; null while it is derived from the key-encryption key itself.
ALTER TABLE key_file ADD COLUMN lookup blob;
