SELECT position, aggregate_type, aggregate_id, sequence, event_type, event_version, source, event_id,
       occurred_at, recorded_at, claimed_at, actor, command_id, leaf, payload::text, sealed
FROM events
WHERE position > $1 AND position <= $2
ORDER BY position
