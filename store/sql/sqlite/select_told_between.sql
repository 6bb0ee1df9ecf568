SELECT position, event_type, event_version, recorded_at, claimed_at, payload, sealed IS NOT NULL
FROM events
WHERE position > ?1 AND position <= ?2
ORDER BY position
