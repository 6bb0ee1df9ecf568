SELECT fingerprint, lookup
FROM key_file
WHERE id = 1
