INSERT INTO mandate_keys.key_file (id, fingerprint)
VALUES (1, $1)
ON CONFLICT (id) DO NOTHING
