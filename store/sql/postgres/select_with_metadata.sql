SELECT position
FROM events
WHERE metadata::text <> '{}'
ORDER BY position
LIMIT 1
