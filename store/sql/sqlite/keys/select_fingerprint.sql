SELECT fingerprint
FROM key_file
WHERE id = 1
