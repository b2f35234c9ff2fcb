CREATE TEMPORARY TABLE picked AS
  SELECT id FROM tickets WHERE state = 'open' AND assigned_to IS NULL;
UPDATE tickets SET queue = 'triage' WHERE id IN (SELECT id FROM picked);
DROP TABLE picked;
