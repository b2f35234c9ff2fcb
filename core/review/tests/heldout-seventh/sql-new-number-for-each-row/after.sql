ALTER TABLE shipments ADD COLUMN tracking uuid NOT NULL DEFAULT gen_random_uuid();
