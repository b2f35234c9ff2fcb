ALTER TABLE payments ALTER COLUMN amount_cents TYPE numeric(20, 4) USING amount_cents / 100.0;
