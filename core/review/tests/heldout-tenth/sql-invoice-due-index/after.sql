-- 20261103_invoice_due_date
SET lock_timeout = '2s';
SET statement_timeout = '30s';

ALTER TABLE invoices ADD COLUMN IF NOT EXISTS due_on date;

RESET statement_timeout;
CREATE INDEX CONCURRENTLY IF NOT EXISTS invoices_due_on_idx ON invoices (due_on) WHERE due_on IS NOT NULL;

ALTER TABLE invoices
    ADD CONSTRAINT invoices_due_after_issue CHECK (due_on >= issued_on) NOT VALID;
