SELECT aggregate_type, aggregate_id, recorded_at
FROM events
WHERE position = $1
LIMIT 1
