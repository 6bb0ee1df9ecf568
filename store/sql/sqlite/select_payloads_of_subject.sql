SELECT sequence, position, payload, actor, command_id, event_type, event_version
FROM events
WHERE aggregate_type = ?1 AND aggregate_id = ?2
ORDER BY sequence
LIMIT 1000000
