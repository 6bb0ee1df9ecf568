SELECT position
FROM events
WHERE event_type = ?1 AND position > ?2
ORDER BY position
LIMIT ?3
