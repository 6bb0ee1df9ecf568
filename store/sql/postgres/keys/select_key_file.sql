SELECT fingerprint, lookup
FROM mandate_keys.key_file
WHERE id = 1
