SELECT aggregate_type, aggregate_id, event_type
FROM events
WHERE event_type IN ('subject.erased', 'subject.restricted', 'subject.restriction_lifted') AND position > $1
ORDER BY position
LIMIT 100000
