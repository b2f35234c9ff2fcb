SELECT 1; -- health
DELETE FROM audit_log;
