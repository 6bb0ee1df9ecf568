WITH taken AS (
  UPDATE lease
  SET holder = $1,
      term = CASE WHEN holder = $1 THEN term ELSE term + 1 END,
      since = CASE WHEN holder = $1 THEN since ELSE clock_timestamp() END,
      expires_at = clock_timestamp() + $2 * interval '1 millisecond'
  WHERE id = 1
    AND (
      holder = $1
      OR expires_at <= clock_timestamp()
      -- Taken under a clock that has gone back since.
      OR expires_at > clock_timestamp() + $2 * interval '10 milliseconds'
    )
  RETURNING term, since
),
fenced AS (
  UPDATE head
  SET term = taken.term
  FROM taken
  WHERE head.id = 1 AND head.term < taken.term
)
SELECT term, (extract(epoch FROM since) * 1000000)::bigint
FROM taken
