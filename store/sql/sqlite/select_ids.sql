SELECT source, event_id
FROM events
ORDER BY source, event_id
LIMIT ?1
