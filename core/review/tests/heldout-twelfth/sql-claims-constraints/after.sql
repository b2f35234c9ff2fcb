-- claims: constraints and index without long locks (run outside a transaction block)
SET lock_timeout = '2s';
SET statement_timeout = 0;

CREATE INDEX CONCURRENTLY IF NOT EXISTS claims_policy_id
    ON claims.claims (policy_id);

ALTER TABLE claims.claims
    ADD CONSTRAINT claims_policy_fk
    FOREIGN KEY (policy_id) REFERENCES policy.policies (id)
    ON DELETE RESTRICT
    NOT VALID;

ALTER TABLE claims.claims
    VALIDATE CONSTRAINT claims_policy_fk;

ALTER TABLE claims.claims
    ADD COLUMN IF NOT EXISTS reviewed_at timestamptz;

REVOKE ALL ON claims.claims FROM PUBLIC;
REVOKE DELETE, TRUNCATE ON claims.claims FROM claims_reporting;
GRANT SELECT (id, policy_id, status, reviewed_at) ON claims.claims TO claims_reporting;

ANALYZE claims.claims;
