INSERT INTO events
  (position, aggregate_type, aggregate_id, sequence, event_type, event_version, source, event_id,
   occurred_at, recorded_at, claimed_at, actor, command_id, leaf, metadata, payload, sealed)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, '{}', ?15, ?16)
