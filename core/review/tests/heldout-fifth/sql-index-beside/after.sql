-- Looked up by the drop-off screen; nothing is dropped or deleted here.
CREATE INDEX CONCURRENTLY IF NOT EXISTS parcels_by_depot ON parcels (depot_id, due_on);
