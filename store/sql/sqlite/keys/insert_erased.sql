INSERT OR IGNORE INTO erased (subject, erased_at)
VALUES (?1, ?2)
