UPDATE mandate_keys.key_file
SET fingerprint = $1, lookup = $2
WHERE id = 1
