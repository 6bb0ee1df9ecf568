SELECT position, aggregate_type, aggregate_id, sequence, event_type, event_version, source, event_id,
       occurred_at, recorded_at, claimed_at, actor, command_id, leaf, payload::text, sealed
FROM events
WHERE position IN (
  SELECT found.position
  FROM unnest($1::text[]) AS wanted (type)
  CROSS JOIN LATERAL (
    SELECT e.position
    FROM events e
    WHERE e.event_type = wanted.type AND e.position > $2 AND e.position <= $3
    ORDER BY e.position
    LIMIT $4
  ) AS found
  ORDER BY found.position
  LIMIT $4
)
ORDER BY position
