UPDATE parcels
SET state = 'closed', closed_at = now()
WHERE tenant_id = 7 AND state = 'returned' OR state = 'failed';
