-- The keys, in a schema of their own, apart from the log: destroying a subject's key here makes what the log holds
-- sealed unreadable. Nothing here is personal data in clear: keys are wrapped, numbers are keyed digests.
CREATE SCHEMA mandate_keys;

CREATE TABLE mandate_keys.key_file
(
  id          smallint NOT NULL PRIMARY KEY CHECK (id = 1),
  fingerprint bytea    NOT NULL CHECK (length(fingerprint) = 32),
  lookup      bytea
);

COMMENT ON TABLE mandate_keys.key_file IS 'Which key-encryption key these keys are wrapped under: one row.';
COMMENT ON COLUMN mandate_keys.key_file.id IS 'Always 1.';
COMMENT ON COLUMN mandate_keys.key_file.fingerprint IS 'Keyed digest of a constant: tells one key-encryption key from another without telling the key.';
COMMENT ON COLUMN mandate_keys.key_file.lookup IS 'The key of the look-up index, wrapped; null while it is derived from the key-encryption key itself.';

CREATE TABLE mandate_keys.subject_keys
(
  subject    text   COLLATE "C" NOT NULL PRIMARY KEY,
  wrapped    bytea  NOT NULL CHECK (length(wrapped) = 72),
  created_at bigint NOT NULL
);

COMMENT ON TABLE mandate_keys.subject_keys IS 'One random key for each subject that has something sealed.';
COMMENT ON COLUMN mandate_keys.subject_keys.subject IS 'Full id of the subject.';
COMMENT ON COLUMN mandate_keys.subject_keys.wrapped IS 'The key, encrypted under the key-encryption key: nonce, ciphertext and tag.';
COMMENT ON COLUMN mandate_keys.subject_keys.created_at IS 'When it was made, in nanoseconds since 1970-01-01T00:00:00Z.';

CREATE TABLE mandate_keys.lookups
(
  digest   bytea  NOT NULL CHECK (length(digest) = 32),
  subject  text   COLLATE "C" NOT NULL,
  position bigint NOT NULL,
  PRIMARY KEY (digest, subject)
);

COMMENT ON TABLE mandate_keys.lookups IS 'Look-up of a subject by CRN, NOMS number, PNC number or ViSOR reference.';
COMMENT ON COLUMN mandate_keys.lookups.digest IS 'HMAC-SHA-256 of the kind and the number in canonical form.';
COMMENT ON COLUMN mandate_keys.lookups.subject IS 'Full id of a subject for which the number was stated.';
COMMENT ON COLUMN mandate_keys.lookups.position IS 'Position of the event that stated it last.';

-- Forgetting a subject.
CREATE INDEX lookups_by_subject ON mandate_keys.lookups (subject);

CREATE TABLE mandate_keys.erased
(
  subject   text   COLLATE "C" NOT NULL PRIMARY KEY,
  erased_at bigint NOT NULL
);

COMMENT ON TABLE mandate_keys.erased IS 'Subjects whose key was destroyed; none is made for them again.';
COMMENT ON COLUMN mandate_keys.erased.subject IS 'Full id of the subject.';
COMMENT ON COLUMN mandate_keys.erased.erased_at IS 'When, in nanoseconds since 1970-01-01T00:00:00Z.';

CREATE TABLE mandate_keys.restricted
(
  subject       text   COLLATE "C" NOT NULL PRIMARY KEY,
  restricted_at bigint NOT NULL
);

COMMENT ON TABLE mandate_keys.restricted IS 'Subjects whose personal data is kept and not shown.';
COMMENT ON COLUMN mandate_keys.restricted.subject IS 'Full id of the subject.';
COMMENT ON COLUMN mandate_keys.restricted.restricted_at IS 'Since when, in nanoseconds since 1970-01-01T00:00:00Z.';
