SELECT aggregate_type, aggregate_id
FROM events
WHERE event_type = 'subject.erased' AND position > $1
ORDER BY position
LIMIT 100000
