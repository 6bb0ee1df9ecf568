SELECT position, sequence, event_type, event_version, recorded_at, claimed_at, actor, command_id, leaf, payload,
       sealed
FROM events
WHERE position > $1 AND position <= $2
ORDER BY position
