DELETE FROM sessions s
USING users u
WHERE u.id = s.user_id
  AND u.disabled_at < now() - interval '90 days'
  AND s.tenant_id = 7
  AND s.ended_at IS NOT NULL;
