DELETE FROM audit_entries
 WHERE created_at < now();
