-- tenant documents: access for the support desk
BEGIN;

-- state so far:
--   ALTER TABLE app.documents ENABLE ROW LEVEL SECURITY;
--   CREATE POLICY tenant_isolation ON app.documents
--       USING (tenant_id = current_setting('app.tenant_id')::uuid);
-- application and support sessions both connect as app_user

CREATE INDEX IF NOT EXISTS documents_tenant_created
    ON app.documents (tenant_id, created_at);

CREATE POLICY support_read ON app.documents
    AS PERMISSIVE
    FOR SELECT
    TO app_user
    USING (deleted_at IS NULL);

CREATE POLICY recent_uploads ON app.documents
    AS RESTRICTIVE
    FOR INSERT
    TO app_user
    WITH CHECK (created_at > now() - interval '1 day');

COMMENT ON POLICY support_read ON app.documents IS 'support desk looks at live documents';

COMMIT;
