-- Orders are looked up by the carrier's number.
SET lock_timeout = '3s';
SET statement_timeout = 0;

ALTER TABLE orders
    ADD COLUMN IF NOT EXISTS carrier_number text;

COMMENT ON COLUMN orders.carrier_number IS 'Number given by the carrier';

DROP INDEX CONCURRENTLY IF EXISTS orders_carrier_number_idx_invalid;

CREATE INDEX CONCURRENTLY IF NOT EXISTS orders_carrier_number_idx
    ON orders (carrier_number)
    WHERE carrier_number IS NOT NULL;

RESET statement_timeout;
