INSERT INTO key_file (id, fingerprint)
VALUES (1, ?1)
