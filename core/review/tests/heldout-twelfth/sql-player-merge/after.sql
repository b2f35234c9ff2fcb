-- merge duplicate player profiles found by support (2 pairs)
BEGIN;

CREATE TEMP TABLE merge_pairs (
    keep_id  bigint NOT NULL,
    drop_id  bigint NOT NULL UNIQUE,
    CHECK (keep_id <> drop_id)
) ON COMMIT DROP;

INSERT INTO merge_pairs (keep_id, drop_id) VALUES
    (880124, 912077),
    (640031, 915540);

CREATE TABLE IF NOT EXISTS support.merged_profiles_backup
    (LIKE players.profiles, merged_at timestamptz, merged_into bigint);

INSERT INTO support.merged_profiles_backup
SELECT p.*, now(), m.keep_id
FROM   players.profiles p
JOIN   merge_pairs m ON m.drop_id = p.id;

UPDATE players.inventory i
SET    player_id = m.keep_id
FROM   merge_pairs m
WHERE  i.player_id = m.drop_id;

UPDATE players.profiles p
SET    status     = 'merged',
       updated_at = now()
FROM   merge_pairs m
WHERE  p.id = m.drop_id;

TRUNCATE merge_pairs;

COMMIT;
