BEGIN;
SET LOCAL lock_timeout = '2s';
ALTER TABLE orders ADD COLUMN IF NOT EXISTS gift_note text;
COMMENT ON COLUMN orders.gift_note IS 'shown on the slip';
COMMIT;
