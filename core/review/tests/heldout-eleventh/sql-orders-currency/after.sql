-- Expand step of the multi-currency work; nothing reads the new columns yet.
-- Run outside of a transaction (CREATE INDEX CONCURRENTLY).

SET lock_timeout = '3s';

ALTER TABLE orders ADD COLUMN IF NOT EXISTS currency char(3);
ALTER TABLE orders ALTER COLUMN currency SET DEFAULT 'EUR';

ALTER TABLE orders
    ADD CONSTRAINT orders_currency_known
    CHECK (currency IS NULL OR currency IN ('EUR', 'CHF', 'GBP', 'USD')) NOT VALID;

ALTER TABLE orders VALIDATE CONSTRAINT orders_currency_known;

CREATE INDEX CONCURRENTLY IF NOT EXISTS orders_customer_created_idx_v2
    ON orders (customer_id, created_at DESC) INCLUDE (status);

-- same leading columns, covered by the index above
DROP INDEX CONCURRENTLY IF EXISTS orders_customer_created_idx;

-- small sample so that the dashboards have something to show; the rest follows in batches
UPDATE orders
SET currency = 'EUR'
WHERE currency IS NULL
  AND id IN (SELECT id FROM orders WHERE currency IS NULL ORDER BY id DESC LIMIT 1000);

ANALYZE orders (currency);

RESET lock_timeout;
