ALTER TABLE shipments ADD COLUMN priority smallint NOT NULL DEFAULT 0;
