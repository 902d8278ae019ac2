-- Which picture model is in use, and how that is changed.

-- name: active_model
-- The model in use for the owner of the transaction, with its spaces.
SELECT m.model_id, m.name, m.precision, m.weights_sha256, array_agg(s.space_id ORDER BY s.space_id),
       array_agg(s.name ORDER BY s.space_id), array_agg(s.dim ORDER BY s.space_id)
  FROM (SELECT heimdex.active_picture_model() AS model_id OFFSET 0) pointer
  JOIN heimdex.model m USING (model_id) JOIN heimdex.space s USING (model_id)
 GROUP BY m.model_id;

-- name: model_by_id
-- Any model by its id, with its spaces.
SELECT m.model_id, m.name, m.precision, m.weights_sha256, array_agg(s.space_id ORDER BY s.space_id),
       array_agg(s.name ORDER BY s.space_id), array_agg(s.dim ORDER BY s.space_id)
  FROM heimdex.model m JOIN heimdex.space s USING (model_id)
 WHERE m.model_id = %(model)s GROUP BY m.model_id;

-- name: find_choice
-- The owner's own choice.
SELECT model_id, previous_id FROM heimdex.model_choice WHERE owner_id = %(owner)s;

-- name: find_default
-- The installation's model, the one before it, and the one that a share of the owners is given.
SELECT model_id, previous_id, next_id, next_percent FROM heimdex.model_default;

-- name: adopt_default
-- The first model that anything is indexed with becomes the installation's.
INSERT INTO heimdex.model_default (model_id) VALUES (%(model)s) ON CONFLICT DO NOTHING;

-- name: renew_default
-- Other weights under the name of the installation's model take its place.
UPDATE heimdex.model_default d SET model_id = %(model)s, changed_at = now()
  FROM heimdex.model old JOIN heimdex.model new ON new.model_id = %(model)s AND new.name = old.name
 WHERE d.model_id = old.model_id AND d.model_id <> %(model)s;

-- name: renew_next
-- The same where they are the next model's.
UPDATE heimdex.model_default d SET next_id = %(model)s, changed_at = now()
  FROM heimdex.model old JOIN heimdex.model new ON new.model_id = %(model)s AND new.name = old.name
 WHERE d.next_id = old.model_id AND d.next_id <> %(model)s;

-- name: renew_choice
-- The same where they are the owner's choice.
UPDATE heimdex.model_choice c SET model_id = %(model)s, changed_at = now()
  FROM heimdex.model old JOIN heimdex.model new ON new.model_id = %(model)s AND new.name = old.name
 WHERE c.owner_id = %(owner)s AND c.model_id = old.model_id AND c.model_id <> %(model)s;

-- name: choose_model
-- An owner's own choice.
INSERT INTO heimdex.model_choice (owner_id, model_id, previous_id)
VALUES (%(owner)s, %(model)s, %(previous)s)
ON CONFLICT (owner_id) DO UPDATE
   SET model_id = excluded.model_id, previous_id = excluded.previous_id, changed_at = now();

-- name: drop_choice
-- The owner follows the installation again.
DELETE FROM heimdex.model_choice WHERE owner_id = %(owner)s;

-- name: set_default
-- The installation's model; a roll-out that was under way ends with it.
INSERT INTO heimdex.model_default (model_id, previous_id) VALUES (%(model)s, %(previous)s)
ON CONFLICT (is_only) DO UPDATE
   SET model_id = excluded.model_id, previous_id = excluded.previous_id, next_id = NULL, next_percent = 0,
       changed_at = now();

-- name: set_next
-- A share of the owners is given the next model; NULL ends that.
UPDATE heimdex.model_default SET next_id = %(model)s, next_percent = %(percent)s, changed_at = now();

-- name: forget_previous_choice
-- There is no way back to a model whose vectors are gone.
UPDATE heimdex.model_choice SET previous_id = NULL WHERE owner_id = %(owner)s AND previous_id = %(model)s;

-- name: forget_previous_default
-- The same for the installation.
UPDATE heimdex.model_default SET previous_id = NULL WHERE previous_id = %(model)s;

-- name: libraries
-- The ids of all owners that ever indexed anything.
SELECT id::text FROM heimdex.library ORDER BY id;

-- name: libraries_in_share
-- Those of them that a roll-out to so many percent reaches.
SELECT id::text FROM heimdex.library WHERE heimdex.rollout_place(id) < %(percent)s ORDER BY id;

-- name: act_for
-- The rest of the transaction is another owner's.
SELECT set_config('heimdex.owner', %(owner)s, true);

-- name: hold_pointers
-- Index runs that enter vectors hold these together: the installation's pointer, and the owner's.
SELECT pg_advisory_xact_lock_shared(%(all)s), pg_advisory_xact_lock_shared(%(own)s);

-- name: lock_pointer
-- Whoever moves a pointer waits for those transactions, and holds up new ones until his ends.
SELECT pg_advisory_xact_lock(%(pointer)s);

-- name: lost_frames
-- Kept frames that can be seen in one space and have no row in another: those that a backfill would make, and the
-- others, whose asset waits for its file to be looked at again.
SELECT count(*) FILTER (WHERE s.asset_id IS NOT NULL), count(*) FILTER (WHERE s.asset_id IS NULL)
  FROM (SELECT o.asset_id FROM heimdex.vector o
         WHERE o.owner_id = %(owner)s AND o.space_id = {old_space} AND o.embedding IS NOT NULL
           AND NOT EXISTS (SELECT FROM heimdex.vector n
                            WHERE n.owner_id = o.owner_id AND n.space_id = {new_space}
                              AND n.keyframe_id = o.keyframe_id)) lost
  JOIN heimdex.asset a ON a.owner_id = %(owner)s AND a.asset_id = lost.asset_id
  LEFT JOIN heimdex.stage_run s
    ON s.owner_id = a.owner_id AND s.asset_id = a.asset_id AND s.stage = 'scenes' AND s.model_id = 0
   AND s.state IN ('done', 'empty') AND s.stage_version = %(version)s AND s.content_hash = a.content_hash;

-- name: blinded_frames
-- (Kept frames that can be seen in one space, those of them that could not be encoded in the other.)
SELECT count(*), count(*) FILTER (WHERE n.keyframe_id IS NOT NULL)
  FROM heimdex.vector o
  LEFT JOIN heimdex.vector n
    ON n.owner_id = o.owner_id AND n.space_id = {new_space} AND n.keyframe_id = o.keyframe_id
   AND n.embedding IS NULL
 WHERE o.owner_id = %(owner)s AND o.space_id = {old_space} AND o.embedding IS NOT NULL;

-- name: drop_vectors_of_assets
-- Prune: the vectors of some assets in a model's spaces.
DELETE FROM heimdex.vector
 WHERE owner_id = %(owner)s AND asset_id = ANY(%(assets)s::uuid[]) AND space_id = ANY(%(spaces)s);

-- name: assets_with_vectors
-- Prune: the next assets that have any.
SELECT DISTINCT asset_id::text FROM (
    SELECT asset_id FROM heimdex.vector
     WHERE owner_id = %(owner)s AND space_id = ANY(%(spaces)s) LIMIT {limit}) found;

-- name: drop_picture_runs
-- Prune: the model's entries in the ledger.
DELETE FROM heimdex.stage_run WHERE owner_id = %(owner)s AND stage = 'picture' AND model_id = %(model)s;

-- name: drop_space_index
-- Prune: the HNSW index of a space.
SELECT heimdex.drop_space_index(%(space)s::smallint);
