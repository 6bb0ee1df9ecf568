-- The read models: made from the log alone, rebuilt at any time. Instants are nanoseconds since
-- 1970-01-01T00:00:00Z, dates days since 1970-01-01, records what spec 3.6 prints of a duty beside its id, as a list
-- of JSON values in the order of `domain/src/judge/kept.rs`.

-- How far the read models are; moved in the transaction that writes the rows.
CREATE TABLE checkpoint
(
  -- Always 1.
  id       integer NOT NULL PRIMARY KEY CHECK (id = 1),
  -- Position of the last event taken in.
  position integer NOT NULL,
  -- The moment up to which the clock was followed.
  at       integer NOT NULL
) STRICT;
INSERT INTO checkpoint (id, position, at) VALUES (1, 0, -9223372036854775808);

-- Every duty as now known.
CREATE TABLE duties
(
  -- The duty's id.
  duty      text    NOT NULL,
  -- `D-` and eight characters of the id's digest.
  reference text    NOT NULL,
  -- Whom it is about.
  subject   text    NOT NULL,
  -- The rule's id, and the number of its version.
  rule      text    NOT NULL,
  version   integer NOT NULL,
  -- Who answers; null where unknown.
  holder    text,
  -- The unit of the nominal; null where unknown.
  unit      text,
  outcome   text    NOT NULL,
  -- 1 for a breach of the policy.
  breach    integer NOT NULL,
  opened_at integer NOT NULL,
  due_on    integer,
  act_by    integer,
  due_at    integer,
  -- 1 for one that was opened under another holder.
  inherited    integer NOT NULL,
  -- 1 for one that could be known only after it was due.
  born_overdue integer NOT NULL,
  -- Since when it could be known.
  known_since  integer NOT NULL,
  -- 1 while a breach of it stands in the log.
  raised       integer NOT NULL,
  -- As known at which moment and later it stands as it does, and as at which.
  since        integer NOT NULL,
  as_from      integer NOT NULL,
  -- What it has in common with the duties that count as it does (`alike`), and whole days from its opening to when it
  -- could be known.
  alike        integer NOT NULL,
  lag          integer NOT NULL,
  -- The duty, without the mark that no evidence was recorded, and whether overdue or not.
  record    text    NOT NULL
) STRICT;

-- What each duty was before. What it is now stands in `duties` alone.
--
-- A version is what the duty was as known at `at` or later and as at `as_from` or later, until the next: as known at
-- `until` or later and as at `as_until` or later. That an open duty falls due makes no version.
CREATE TABLE duty_history
(
  -- Whom the duty is about.
  subject  text    NOT NULL,
  duty     text    NOT NULL,
  at       integer NOT NULL,
  as_from  integer NOT NULL,
  until    integer NOT NULL,
  as_until integer NOT NULL,
  -- The number of the rule's version; 0 when the duty was there no longer, and all that follows null.
  version  integer NOT NULL,
  rule     text    NOT NULL,
  -- As in `duties`; `pending` for one that was open, overdue or not.
  holder       text,
  outcome      text,
  opened_at    integer,
  due_on       integer,
  act_by       integer,
  due_at       integer,
  inherited    integer,
  born_overdue integer,
  known_since  integer,
  alike        integer,
  lag          integer,
  record       text,
  PRIMARY KEY (subject, duty, at)
) STRICT, WITHOUT ROWID;

-- What duties that count alike have in common, so that many are counted by reading a number of each.
CREATE TABLE alike
(
  -- Made from all that follows, so that it is the same in tables made anew.
  id           integer NOT NULL PRIMARY KEY,
  holder       text,
  rule         text    NOT NULL,
  -- The number of the rule's version.
  version      integer NOT NULL,
  outcome      text    NOT NULL,
  inherited    integer NOT NULL,
  born_overdue integer NOT NULL
) STRICT;

-- How many duties that count alike are due in each month.
CREATE TABLE due_months
(
  -- Its first day, in London.
  month  integer NOT NULL,
  alike  integer NOT NULL,
  duties integer NOT NULL,
  PRIMARY KEY (month, alike)
) STRICT, WITHOUT ROWID;

-- How many duties that count alike there are, whenever they are due.
CREATE TABLE due_ever
(
  alike  integer NOT NULL PRIMARY KEY,
  duties integer NOT NULL
) STRICT;

-- The unit that each nominal had, in versions as those of duties; the last is without end.
CREATE TABLE units
(
  subject  text    NOT NULL,
  at       integer NOT NULL,
  as_from  integer NOT NULL,
  until    integer NOT NULL,
  as_until integer NOT NULL,
  -- Null for none.
  unit     text,
  PRIMARY KEY (subject, at)
) STRICT, WITHOUT ROWID;

-- When nominals were cases that a programme covers, without record and without duty to make one, in versions: each row
-- stands as known at (and as at) `at` and later, before `until`.
CREATE TABLE cases
(
  subject   text    NOT NULL,
  programme text    NOT NULL,
  area      text    NOT NULL,
  began     integer NOT NULL,
  -- Null while it lasts.
  ended     integer,
  at        integer NOT NULL,
  until     integer NOT NULL,
  PRIMARY KEY (subject, programme, area, began, at)
) STRICT, WITHOUT ROWID;

-- Where those versions do not tell what the duties of a unit were (see `bends.rs`): as at `as_from` or later and as known
-- at `known_from` or later, but not both at `at` or later. Which there are depends on how the log was followed.
CREATE TABLE bends
(
  -- The first member of the unit.
  subject    text    NOT NULL,
  at         integer NOT NULL,
  -- 0 for facts, 1 for what the clock brings, 2 for wherever the two moments differ.
  kind       integer NOT NULL,
  as_from    integer NOT NULL,
  known_from integer NOT NULL,
  PRIMARY KEY (subject, at, kind, as_from, known_from)
) STRICT, WITHOUT ROWID;

-- The facts of every subject that is judged, so that following it needs no look into the log: what was there when the
-- tables were made in one row, what came later in a row each.
CREATE TABLE streams
(
  subject  text    NOT NULL,
  -- Where the first fact of the row stands in the log.
  position integer NOT NULL,
  -- The facts in order, in the compact form of `placed.rs`.
  facts    blob    NOT NULL,
  PRIMARY KEY (subject, position)
) STRICT, WITHOUT ROWID;

-- Every subject with its state.
CREATE TABLE subjects
(
  -- Full id.
  subject     text    NOT NULL PRIMARY KEY,
  -- The part before the slash.
  kind        text    NOT NULL,
  -- 1 for the member of a set under which it is followed: the first by name, and not parked.
  leads       integer NOT NULL,
  -- The survivor of a merge; null for none.
  merged_into text,
  -- Fields of the state by name, as JSON.
  state       text    NOT NULL,
  -- When something changes next without a new fact; null for never.
  next_at     integer,
  -- When it is to be judged next: before that nothing changes but that pending duties fall due. Null for never.
  judge_at    integer,
  -- The latest time of a fact, or from which a version of a duty stands; null where nothing was judged. How late that is
  -- found to be depends on how the log was followed.
  latest      integer
) STRICT, WITHOUT ROWID;

-- Where nDelius, ViSOR and NOMIS do not say the same of a nominal, as now known.
CREATE TABLE discrepancies
(
  -- Whom it is about.
  subject text    NOT NULL,
  -- The check that found it, and which of several of the kind; empty for the only one.
  "check" text    NOT NULL,
  about   text    NOT NULL,
  -- The nominal's area, and the prison that it concerns; null where unknown or none.
  area    text,
  prison  text,
  -- From when on it stands.
  since   integer NOT NULL,
  -- The discrepancy, field by field, as JSON.
  record  text    NOT NULL,
  PRIMARY KEY (subject, "check", about)
) STRICT, WITHOUT ROWID;

-- The log-ons of prison users at terminals.
CREATE TABLE log_ons
(
  user     text    NOT NULL,
  terminal text    NOT NULL,
  -- The user's organisation at the latest.
  org      text,
  -- The first and the latest.
  first_at integer NOT NULL,
  last_at  integer NOT NULL,
  PRIMARY KEY (user, terminal)
) STRICT, WITHOUT ROWID;

-- Whether each terminal is approved.
CREATE TABLE approvals
(
  terminal text    NOT NULL PRIMARY KEY,
  -- 1 while it is approved.
  approved integer NOT NULL,
  -- Since when it is, or is not.
  since    integer NOT NULL
) STRICT, WITHOUT ROWID;

-- The areas that a nominal was ever in: whom a programme switch may concern.
CREATE TABLE areas
(
  area    text NOT NULL,
  subject text NOT NULL,
  PRIMARY KEY (area, subject)
) STRICT, WITHOUT ROWID;

-- The steps of duties: warnings of pending ones, escalations of overdue breaches.
CREATE TABLE steps
(
  duty    text    NOT NULL,
  step    text    NOT NULL,
  -- When the step comes.
  at      integer NOT NULL,
  -- The due moment that it is counted from.
  due_at  integer NOT NULL,
  -- To whom it escalates; null for a warning.
  to_role text,
  -- 1 once the log has it, as taken or as skipped.
  taken   integer NOT NULL,
  PRIMARY KEY (duty, step)
) STRICT, WITHOUT ROWID;

-- Steps taken or skipped, from `duty.warned`, `duty.breached` and `breach.escalated`.
CREATE TABLE steps_taken
(
  duty       text    NOT NULL,
  step       text    NOT NULL,
  due_at     integer NOT NULL,
  -- How often a breach of the duty had been rescinded before.
  generation integer NOT NULL,
  PRIMARY KEY (duty, step, due_at, generation)
) STRICT, WITHOUT ROWID;

-- Breaches raised, from `duty.breached`, `breach.closed` and `breach.rescinded`.
CREATE TABLE breaches
(
  duty       text    NOT NULL,
  due_at     integer NOT NULL,
  -- How often a breach of the duty had been rescinded before.
  generation integer NOT NULL,
  -- Where it stands in the log, and when it was raised.
  position   integer NOT NULL,
  raised_at  integer NOT NULL,
  rule       text    NOT NULL,
  subject    text    NOT NULL,
  holder     text,
  -- `raised`, `closed` or `rescinded`.
  status     text    NOT NULL,
  -- What the log lacks by what is now known of the duty: `rescinded` or `closed`; null for nothing.
  owed       text,
  PRIMARY KEY (duty, due_at, generation)
) STRICT, WITHOUT ROWID;
CREATE INDEX breaches_standing ON breaches (status, raised_at);

-- What others did of which people are told once: a record opened, a partnership or a transfer asked for.
CREATE TABLE occasions
(
  -- In the form of a duty id: `<kind>:<subject>:<source>#<id>`.
  occasion text    NOT NULL PRIMARY KEY,
  -- `opened`, `partnership` or `transfer`.
  kind     text    NOT NULL,
  -- The nominal.
  subject  text    NOT NULL,
  -- The organisation that opened or asked; null where unknown.
  org      text,
  -- Where the event stands, who told it and under which id.
  position integer NOT NULL,
  teller   text    NOT NULL,
  fact     text    NOT NULL,
  -- 1 where it was recorded more than a day after it occurred.
  late     integer NOT NULL,
  -- 1 once a notice of it is in the log.
  queued   integer NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX occasions_owed ON occasions (position) WHERE queued = 0;

-- What was stated in error, from `fact.annulled`.
CREATE TABLE annulments
(
  -- Where the annulment stands.
  position    integer NOT NULL PRIMARY KEY,
  -- Whom it is about.
  subject     text    NOT NULL,
  recorded_at integer NOT NULL,
  -- Who told it and under which id, and the same of the fact that it names.
  teller       text NOT NULL,
  fact         text NOT NULL,
  named_teller text NOT NULL,
  named_fact   text NOT NULL
) STRICT;
CREATE INDEX annulments_by_time ON annulments (recorded_at);
CREATE INDEX annulments_of ON annulments (named_teller, named_fact);
CREATE INDEX annulments_by_name ON annulments (teller, fact);

-- How people want their mail, from `preferences.set`.
CREATE TABLE preferences
(
  user        text NOT NULL PRIMARY KEY,
  -- London times such as `07:30`; null for the usual.
  digest_at   text,
  quiet_from  text,
  quiet_until text,
  -- The kinds of mail turned off, as JSON.
  off         text NOT NULL
) STRICT;

-- Notices owed or sent, from `notice.*`.
CREATE TABLE notices
(
  notice    text    NOT NULL PRIMARY KEY,
  template  text    NOT NULL,
  recipient text    NOT NULL,
  position  integer NOT NULL,
  queued_at integer NOT NULL,
  -- `queued`, `accepted`, `deferred`, `rejected` or `ambiguous`.
  status    text    NOT NULL,
  -- What the mail server answered last.
  reply     text,
  -- When it was accepted or rejected; null while it waits.
  settled_at integer,
  -- 1 for one that could not be delivered though it had something to say.
  dead       integer NOT NULL,
  -- The user for whom it was, where it could not be delivered to them; null for the recipient.
  in_place_of text
) STRICT;
CREATE INDEX notices_dead ON notices (settled_at) WHERE dead = 1;
CREATE INDEX notices_of_recipient ON notices (recipient, template, position);
CREATE INDEX notices_waiting ON notices (position) WHERE status IN ('queued', 'deferred', 'ambiguous');

-- The duties that a notice lists: those whose steps name it, and those with which it was queued.
CREATE TABLE notice_duties
(
  notice     text    NOT NULL,
  position   integer NOT NULL,
  duty       text    NOT NULL,
  generation integer NOT NULL,
  PRIMARY KEY (notice, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX notices_of_duty ON notice_duties (duty);

-- What was told of who takes up and who gives up a post or a role, from `post.*`, `user.registered` and
-- `user.left_role`: from it follow the next two tables.
CREATE TABLE tenures
(
  -- Where the event stands, who told it and under which id.
  position integer NOT NULL PRIMARY KEY,
  teller   text    NOT NULL,
  fact     text    NOT NULL,
  user     text    NOT NULL,
  -- The organisation and the post; empty for the user's role.
  org      text    NOT NULL,
  post     text    NOT NULL,
  -- When it occurred.
  at       integer NOT NULL,
  -- 1 where it is taken up, 0 where it is given up.
  begins   integer NOT NULL,
  -- 1 while it is annulled.
  annulled integer NOT NULL
) STRICT;
CREATE INDEX tenures_of ON tenures (user, org, post, at, position);
CREATE UNIQUE INDEX tenures_by_name ON tenures (teller, fact);

-- Who holds which post.
CREATE TABLE posts
(
  org  text NOT NULL,
  post text NOT NULL,
  user text NOT NULL,
  PRIMARY KEY (org, post, user)
) STRICT, WITHOUT ROWID;

-- Who left their role and was not registered again: they hold no post and answer for nothing, whatever else was said.
CREATE TABLE leavers
(
  user text NOT NULL PRIMARY KEY
) STRICT, WITHOUT ROWID;

-- Where organisations belong, and since when they take part.
CREATE TABLE organisations
(
  org         text NOT NULL PRIMARY KEY,
  parent      text,
  enrolled_at integer
) STRICT;

-- Where the latest registration of a user stands, whose sealed part holds the address.
CREATE TABLE registrations
(
  user     text    NOT NULL PRIMARY KEY,
  position integer NOT NULL
) STRICT;

-- The types of fact ever recorded for a holder, and since when.
CREATE TABLE evidence
(
  holder text    NOT NULL,
  -- The type of fact.
  type   text    NOT NULL,
  -- Since when.
  since  integer NOT NULL,
  PRIMARY KEY (holder, type)
) STRICT, WITHOUT ROWID;

-- How often each teller but Mandate itself tells something, so that one that falls silent is noticed.
CREATE TABLE feeds
(
  source         text    NOT NULL PRIMARY KEY,
  -- When it first told something, and when last.
  first_at       integer NOT NULL,
  last_at        integer NOT NULL,
  -- Moments at which it told something.
  arrivals       integer NOT NULL,
  -- Since when the present period runs, and the longest pause of it and of the one before, in nanoseconds.
  period_from    integer NOT NULL,
  longest        integer NOT NULL,
  longest_before integer NOT NULL
) STRICT, WITHOUT ROWID;

-- Subjects that cannot be followed: their rows stay as they were.
CREATE TABLE parked
(
  subject  text    NOT NULL PRIMARY KEY,
  -- The event that cannot be taken in.
  position integer NOT NULL,
  reason   text    NOT NULL,
  -- The last moment at which its rows were right.
  since    integer NOT NULL
) STRICT;

-- Messages of other systems that could not be used, from `message.*`.
CREATE TABLE quarantine
(
  id             text    NOT NULL PRIMARY KEY,
  -- What it is filed under: a nominal, or itself.
  subject        text    NOT NULL,
  -- Where it stands in the log, and since when it waits.
  position       integer NOT NULL,
  quarantined_at integer NOT NULL,
  -- Who told it, under which id and of which type.
  teller         text    NOT NULL,
  message_id     text    NOT NULL,
  code           text,
  reason         text    NOT NULL,
  -- The fields that it needs, as JSON.
  needs          text    NOT NULL,
  -- `waiting`, `replayed` or `discarded`.
  status         text    NOT NULL,
  -- Where the event stands that ended its waiting.
  settled        integer
) STRICT;
CREATE INDEX quarantine_waiting ON quarantine (status, position);
