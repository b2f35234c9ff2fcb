-- 2026-03-09 payments: webhook retries stored some payments twice (see PAY-3312).
-- Remove the doubles, then make external_ref unique so that it cannot happen again.

BEGIN;

SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '15min';

CREATE TABLE IF NOT EXISTS migration_log (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name       text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
);

DELETE FROM payments p
USING payments dup
WHERE p.external_ref = dup.external_ref
  AND p.provider = dup.provider
  AND p.amount_cents = dup.amount_cents;

ALTER TABLE payments
    ADD CONSTRAINT payments_provider_external_ref_key UNIQUE (provider, external_ref);

INSERT INTO migration_log (name) VALUES ('payments_dedupe');

COMMIT;
