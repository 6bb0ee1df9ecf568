INSERT OR IGNORE INTO restricted (subject, restricted_at)
VALUES (?1, ?2)
