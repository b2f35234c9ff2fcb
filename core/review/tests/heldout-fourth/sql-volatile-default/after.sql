-- Every event gets a public reference.
BEGIN;
SET LOCAL lock_timeout = '2s';
ALTER TABLE events
  ADD COLUMN public_ref uuid NOT NULL DEFAULT gen_random_uuid();
COMMIT;
