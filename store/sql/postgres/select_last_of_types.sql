SELECT wanted.type, last.position
FROM unnest($1::text[]) AS wanted (type)
CROSS JOIN LATERAL (
  SELECT e.position
  FROM events e
  WHERE e.event_type = wanted.type
  ORDER BY e.position DESC
  LIMIT 1
) AS last
LIMIT 1000
