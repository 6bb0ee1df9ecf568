SELECT position
FROM events
WHERE event_type = ?1
ORDER BY position DESC
LIMIT 1
