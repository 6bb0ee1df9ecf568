UPDATE lease
SET expires_at = clock_timestamp()
WHERE id = 1 AND holder = $1 AND expires_at > clock_timestamp()
