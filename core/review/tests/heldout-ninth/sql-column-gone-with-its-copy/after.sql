-- Tax numbers live in the new profile service.
BEGIN;

SET LOCAL lock_timeout = '3s';

DROP VIEW IF EXISTS customer_tax_export;

ALTER TABLE customers
    DROP COLUMN tax_number CASCADE,
    DROP COLUMN tax_country;

DROP TABLE IF EXISTS customers_tax_backup_2026;

COMMENT ON TABLE customers IS 'Customers; tax data lives in the profile service';

COMMIT;
