-- Apart from the tables: a rebuild makes them after the rows.
CREATE UNIQUE INDEX duties_by_id ON duties (duty);
-- What follows from the log's own steps, for rows that were added in bulk; afterwards each event and each duty
-- written keeps its own (see rows.rs).
UPDATE duties SET raised = 1 WHERE duty IN (SELECT duty FROM breaches WHERE status <> 'rescinded');
UPDATE breaches AS b SET owed = CASE
  WHEN b.status = 'rescinded' THEN NULL
  WHEN NOT EXISTS (SELECT 1 FROM duties d WHERE d.duty = b.duty AND d.due_at = b.due_at
                   AND (d.breach = 1 OR d.outcome = 'exempt')) THEN 'rescinded'
  WHEN b.status = 'raised' AND EXISTS (SELECT 1 FROM duties d WHERE d.duty = b.duty
                                       AND d.outcome IN ('met_late', 'lapsed')) THEN 'closed'
END;
UPDATE steps AS s SET taken = EXISTS (
  SELECT 1 FROM steps_taken t WHERE t.duty = s.duty AND t.step = s.step AND t.due_at = s.due_at
  AND (s.to_role IS NULL OR t.generation =
       (SELECT count(*) FROM breaches b WHERE b.duty = s.duty AND b.status = 'rescinded')));
CREATE INDEX duties_by_reference ON duties (reference);
CREATE INDEX duties_by_subject ON duties (subject);
-- With from when on they stood, so that a list at a past moment is chosen without reading the rows.
CREATE INDEX duties_by_outcome ON duties (outcome, act_by, since, as_from);
CREATE INDEX duties_by_holder ON duties (holder, outcome, act_by, since, as_from);
CREATE INDEX duties_by_unit ON duties (unit, outcome, act_by) WHERE unit IS NOT NULL;
CREATE INDEX duties_of_breaches ON duties (outcome, act_by) WHERE breach = 1;
CREATE INDEX duties_to_raise ON duties (due_at, duty) WHERE breach = 1 AND raised = 0;
CREATE INDEX breaches_owed ON breaches (owed, raised_at, duty) WHERE owed IS NOT NULL;
CREATE INDEX subjects_by_next ON subjects (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX subjects_by_kind ON subjects (kind, subject);
-- Whom a mail goes to is looked up for each.
CREATE INDEX users_by_role ON subjects (json_extract(state, '$.role'), subject) WHERE kind = 'user';
CREATE INDEX organisations_by_parent ON organisations (parent);
CREATE INDEX steps_to_take ON steps (at, duty) WHERE taken = 0;
-- All that compliance is counted from, so that the rows themselves, with their records, are not read.
CREATE INDEX duties_by_due ON duties (due_at, alike, lag, since, as_from, subject, unit) WHERE due_at IS NOT NULL;
CREATE INDEX history_by_due ON duty_history (due_at, until, as_until, at, as_from, alike, lag) WHERE due_at IS NOT NULL;
CREATE INDEX alike_by_holder ON alike (holder);
CREATE INDEX history_by_holder ON duty_history (holder, outcome, until, as_until, at, as_from, act_by);
CREATE INDEX cases_by_area ON cases (area, programme, until, at, began, ended);
-- The bends that reach across the moments as at and as known at which is the same, and all.
CREATE INDEX bends_across ON bends (at, as_from, known_from, kind) WHERE as_from < at AND known_from < at;
CREATE INDEX bends_by_end ON bends (at, as_from, known_from);
