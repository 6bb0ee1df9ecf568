SELECT aggregate_type, aggregate_id, source, recorded_at
FROM events
WHERE position = ?1
LIMIT 1
