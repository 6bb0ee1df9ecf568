SELECT position
FROM events
WHERE metadata <> '{}'
ORDER BY position
LIMIT 1
