-- Apart from the tables: a rebuild makes them after the rows.
CREATE UNIQUE INDEX duties_by_id ON duties (duty);
CREATE INDEX duties_by_reference ON duties (reference);
CREATE INDEX duties_by_subject ON duties (subject);
CREATE INDEX duties_by_outcome ON duties (outcome, act_by);
CREATE INDEX duties_by_holder ON duties (holder, outcome, act_by);
CREATE INDEX duties_in_breach ON duties (due_at, duty) WHERE breach = 1;
CREATE INDEX subjects_by_next ON subjects (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX subjects_by_kind ON subjects (kind, subject);
CREATE INDEX steps_by_at ON steps (at);
-- All that compliance is counted from, so that the rows themselves, with their records, are not read.
CREATE INDEX duties_by_due ON duties
  (due_at, rule, version, outcome, holder, unit, inherited, born_overdue, opened_at, known_since)
  WHERE due_at IS NOT NULL;
