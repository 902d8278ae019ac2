-- Adapters of searches: versions, and the scenes that marks mean.

-- name: lock_adapters
-- Until the end of the transaction nobody else changes this owner's versions.
SELECT pg_advisory_xact_lock(hashtextextended('heimdex.search_adapter/' || %(owner)s::text, 0));

-- name: add_adapter
-- A new version, numbered on from the owner's last.
INSERT INTO heimdex.search_adapter
       (owner_id, version, model_id, state, reason, parameters, anchors, coefficients, figures)
SELECT %(owner)s, coalesce(max(version), 0) + 1, %(model)s, %(state)s, %(reason)s, %(parameters)s,
       %(anchors)s, %(coefficients)s, %(figures)s
  FROM heimdex.search_adapter WHERE owner_id = %(owner)s
RETURNING version;

-- name: list_adapters
-- All versions with their models, the newest first.
SELECT a.version, a.model_id, m.name, m.precision, a.state, a.reason, a.parameters, a.figures, a.trained_at
  FROM heimdex.search_adapter a JOIN heimdex.model m USING (model_id)
 WHERE a.owner_id = %(owner)s ORDER BY a.version DESC;

-- name: active_adapters
-- The versions in use, by model.
SELECT a.model_id, a.version, m.name
  FROM heimdex.search_adapter a JOIN heimdex.model m USING (model_id)
 WHERE a.owner_id = %(owner)s AND a.state = 'active' ORDER BY a.version;

-- name: load_adapter
-- What a version does to a search.
SELECT parameters, anchors, coefficients FROM heimdex.search_adapter
 WHERE owner_id = %(owner)s AND version = %(version)s;

-- name: adapters_off
-- Take the pointer from the versions in use, of one model or of all.
UPDATE heimdex.search_adapter SET state = 'ready'
 WHERE owner_id = %(owner)s AND state = 'active'
   AND (%(model)s::smallint IS NULL OR model_id = %(model)s::smallint)
RETURNING version;

-- name: adapter_on
-- Give a version the pointer; the one before has lost it already.
UPDATE heimdex.search_adapter SET state = 'active'
 WHERE owner_id = %(owner)s AND version = %(version)s AND state = 'ready';

-- name: scenes_of_moments
-- The scenes that meet each moment: of files by their path or its last parts, of a stretch of them where times
-- are given. Joined by the file's name first, so that a large library is read once.
SELECT m.number - 1, s.scene_id::text
  FROM unnest(%(paths)s::text[], %(starts)s::bigint[], %(ends)s::bigint[])
       WITH ORDINALITY AS m(path, start_us, end_us, number)
  JOIN heimdex.file f
    ON f.owner_id = %(owner)s AND f.state = 'present'
   AND substring(f.path FROM '[^/]*$') = substring(m.path FROM '[^/]*$')
   AND (f.path = m.path OR right(f.path, length(m.path) + 1) = '/' || m.path)
  JOIN heimdex.scene s
    ON s.owner_id = f.owner_id AND s.asset_id = f.asset_id
   AND (m.start_us IS NULL OR m.end_us IS NULL
        OR (s.start_us < greatest(m.end_us, m.start_us + 1) AND m.start_us < s.end_us))
 ORDER BY 1, s.asset_id, s.position;
