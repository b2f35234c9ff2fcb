-- remove a table that nothing writes to any more; stops if it has rows
BEGIN;

SET LOCAL lock_timeout = '3s';

LOCK TABLE auth.legacy_sessions IN ACCESS EXCLUSIVE MODE;

DO $$
BEGIN
    IF EXISTS (SELECT 1 FROM auth.legacy_sessions) THEN
        RAISE EXCEPTION 'auth.legacy_sessions is not empty, not dropping it';
    END IF;
END
$$;

-- RESTRICT: fails if a view or foreign key still depends on it
DROP TABLE auth.legacy_sessions RESTRICT;

COMMENT ON TABLE auth.sessions IS 'login sessions (only source since 2023)';

COMMIT;
