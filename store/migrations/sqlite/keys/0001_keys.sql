-- The keys, apart from the log: destroying a subject's key here makes what the log holds sealed unreadable.
-- Nothing in this file is personal data in clear: keys are wrapped, numbers are keyed digests.

-- Which key-encryption key this file belongs to: one row.
CREATE TABLE key_file
(
  -- Always 1.
  id          integer NOT NULL PRIMARY KEY CHECK (id = 1),
  -- Keyed digest of a constant: tells one key-encryption key from another without telling the key.
  fingerprint blob    NOT NULL CHECK (length(fingerprint) = 32)
) STRICT;

-- One random key for each subject that has something sealed.
CREATE TABLE subject_keys
(
  -- Full id of the subject.
  subject    text    NOT NULL PRIMARY KEY,
  -- The key, encrypted under the key-encryption key: nonce, ciphertext and tag.
  wrapped    blob    NOT NULL CHECK (length(wrapped) = 72),
  -- When it was made, in nanoseconds since 1970-01-01T00:00:00Z.
  created_at integer NOT NULL
) STRICT, WITHOUT ROWID;

-- Look-up of a subject by CRN, NOMS number, PNC number or ViSOR reference.
CREATE TABLE lookups
(
  -- HMAC-SHA-256 of the kind and the number in canonical form.
  digest   blob    NOT NULL CHECK (length(digest) = 32),
  -- Full id of a subject for which the number was stated.
  subject  text    NOT NULL,
  -- Position of the event that stated it last.
  position integer NOT NULL,
  PRIMARY KEY (digest, subject)
) STRICT, WITHOUT ROWID;

-- Forgetting a subject.
CREATE INDEX lookups_by_subject ON lookups (subject);
