SELECT holder, term, (extract(epoch FROM since) * 1000000)::bigint,
       greatest(0, extract(epoch FROM expires_at - clock_timestamp()) * 1000)::bigint
FROM lease
WHERE id = 1
