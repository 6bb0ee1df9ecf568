SELECT position, event_type, event_version, recorded_at, claimed_at, payload::text, sealed IS NOT NULL,
       sequence
FROM events
WHERE aggregate_type = $1 AND aggregate_id = $2 AND sequence > $3
ORDER BY sequence
LIMIT $4
