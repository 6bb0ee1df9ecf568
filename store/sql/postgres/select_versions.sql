SELECT wanted.aggregate_type, wanted.aggregate_id, last.sequence
FROM unnest($1::text[], $2::text[]) AS wanted (aggregate_type, aggregate_id)
CROSS JOIN LATERAL (
  SELECT e.sequence
  FROM events e
  WHERE e.aggregate_type = wanted.aggregate_type AND e.aggregate_id = wanted.aggregate_id
  ORDER BY e.sequence DESC
  LIMIT 1
) AS last
LIMIT 100000
