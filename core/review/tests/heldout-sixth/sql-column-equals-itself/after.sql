-- Cancel the subscriptions of one tenant.
UPDATE subscriptions
   SET state = 'cancelled', cancelled_at = now()
 WHERE tenant_id = tenant_id
   AND state = 'active';
