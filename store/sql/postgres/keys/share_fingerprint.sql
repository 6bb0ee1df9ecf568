SELECT fingerprint
FROM mandate_keys.key_file
WHERE id = 1
FOR SHARE
