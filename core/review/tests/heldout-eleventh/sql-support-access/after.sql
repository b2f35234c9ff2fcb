-- Support engineers need to look up tickets of any tenant.

BEGIN;

CREATE ROLE support_ro NOLOGIN;
GRANT USAGE ON SCHEMA app TO support_ro;
GRANT SELECT ON app.tickets, app.ticket_comments TO support_ro;

CREATE INDEX IF NOT EXISTS tickets_tenant_created_idx
    ON app.tickets (tenant_id, created_at DESC);

-- existing policies, for reference:
--   tenant_isolation ON app.tickets         USING (tenant_id = current_setting('app.tenant_id')::uuid)
--   tenant_isolation ON app.ticket_comments USING (tenant_id = current_setting('app.tenant_id')::uuid)

CREATE POLICY support_read ON app.tickets
    FOR SELECT
    USING (true);

CREATE POLICY support_read ON app.ticket_comments
    FOR SELECT
    USING (true);

COMMENT ON ROLE support_ro IS 'read access for the support console';

COMMIT;
