WITH moved AS (
  UPDATE head
  SET position = $1, recorded_at = $2, frontier = $3
  WHERE id = 1 AND position = $4 AND frontier = $20 AND ($21::bigint IS NULL OR term <= $21)
  RETURNING id
)
INSERT INTO events
  (position, aggregate_type, aggregate_id, sequence, event_type, event_version, source, event_id,
   occurred_at, recorded_at, claimed_at, actor, command_id, leaf, metadata, payload, sealed)
SELECT e.position, e.aggregate_type, e.aggregate_id, e.sequence, e.event_type, $5, e.source, e.event_id,
       e.occurred_at, $2, e.claimed_at, e.actor, e.command_id, e.leaf, '{}', e.payload::json, e.sealed
FROM moved
CROSS JOIN unnest(
  $6::bigint[], $7::text[], $8::text[], $9::bigint[], $10::text[], $11::text[], $12::text[],
  $13::bigint[], $14::bigint[], $15::text[], $16::text[], $17::bytea[], $18::text[], $19::bytea[]
) AS e (position, aggregate_type, aggregate_id, sequence, event_type, source, event_id,
        occurred_at, claimed_at, actor, command_id, leaf, payload, sealed)
