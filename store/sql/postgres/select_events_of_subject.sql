SELECT position, aggregate_type, aggregate_id, sequence, event_type, event_version, source, event_id,
       occurred_at, recorded_at, claimed_at, actor, command_id, leaf, payload::text, sealed
FROM events
WHERE aggregate_type = $1 AND aggregate_id = $2 AND sequence > $3
ORDER BY sequence
LIMIT $4
