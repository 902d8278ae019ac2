-- What others may ask in SQL, under the same row policies as everything else: the view `video_scenes` and a search
-- by a CLIP vector, with the names that the system before this one gave them (docs/reference/sql.md). Only the
-- picture model in use counts, and only where its vectors have 512 numbers.

-- The space of the model in use whose vectors have 512 numbers; NULL where there is none. Where a model has two,
-- the one that words are compared in.
CREATE FUNCTION heimdex.visual_clip_space() RETURNS smallint
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $function$
    SELECT p.space_id FROM heimdex.space p
     WHERE p.model_id = heimdex.active_picture_model() AND p.dim = 512
     ORDER BY p.name = 'joint' DESC, p.space_id LIMIT 1
$function$;

-- One row per scene. Its picture is the best kept frame (rank 0). Everything that costs more than a look-up by key
-- is a subquery in the list, which is worked out only where it is asked for.
CREATE VIEW heimdex.video_scenes WITH (security_invoker = true) AS
SELECT s.scene_id AS id,
       s.asset_id AS video_id,
       s.owner_id,
       s.owner_id AS user_id,
       s.position AS index,
       s.start_us / 1e6::double precision AS start_s,
       s.end_us / 1e6::double precision AS end_s,
       -- as the service answers it; the session may say where that is, since the database knows no settings
       CASE WHEN k.thumbnail_key IS NOT NULL THEN
           rtrim(COALESCE(current_setting('heimdex.public_url', true), ''), '/')
           || '/api/v1/scenes/' || s.scene_id || '/thumbnail' END AS thumbnail_url,
       -- a vector of another length is damage, for `verify` to name; it must not end a query over the others
       (CASE WHEN public.vector_dims(v.embedding) = 512
             THEN v.embedding::public.vector(512) END)::public.vector(512) AS embedding_visual_clip,
       v.metadata AS visual_clip_metadata,
       (SELECT string_agg(u.text, ' ' ORDER BY u.start_us, u.position) FROM heimdex.utterance u
         WHERE u.owner_id = s.owner_id AND u.asset_id = s.asset_id
           AND u.start_us < s.end_us AND u.end_us > s.start_us) AS transcript_segment,
       (SELECT d.text FROM heimdex.description d
         WHERE d.owner_id = s.owner_id AND d.scene_id = s.scene_id) AS visual_description,
       (SELECT t.text FROM heimdex.text_vector t
         WHERE t.owner_id = s.owner_id AND t.scene_id = s.scene_id AND t.channel = 'summary'
         ORDER BY t.space_id DESC LIMIT 1) AS visual_summary,
       (SELECT string_agg(l.text, E'\n' ORDER BY l.start_us, l.line_id) FROM heimdex.text_line l
         WHERE l.owner_id = s.owner_id AND l.scene_id = s.scene_id) AS written_text,
       NULL::text[] AS visual_entities,
       NULL::text[] AS visual_actions,
       NULL::text[] AS tags,
       (SELECT t.embedding::public.vector FROM heimdex.text_vector t
         WHERE t.owner_id = s.owner_id AND t.scene_id = s.scene_id AND t.channel = 'transcript'
           AND t.embedding IS NOT NULL ORDER BY t.space_id DESC LIMIT 1) AS embedding_transcript,
       (SELECT t.embedding::public.vector FROM heimdex.text_vector t
         WHERE t.owner_id = s.owner_id AND t.scene_id = s.scene_id AND t.channel = 'description'
           AND t.embedding IS NOT NULL ORDER BY t.space_id DESC LIMIT 1) AS embedding_visual,
       (SELECT t.embedding::public.vector FROM heimdex.text_vector t
         WHERE t.owner_id = s.owner_id AND t.scene_id = s.scene_id AND t.channel = 'summary'
           AND t.embedding IS NOT NULL ORDER BY t.space_id DESC LIMIT 1) AS embedding_summary,
       -- ids are UUIDs of version 7: their first 48 bits are the milliseconds since 1970
       to_timestamp(('x' || left(translate(s.scene_id::text, '-', ''), 12))::bit(48)::bigint / 1000.0)
           AS created_at,
       (SELECT a.present FROM heimdex.asset a
         WHERE a.owner_id = s.owner_id AND a.asset_id = s.asset_id) AS present
  FROM heimdex.scene s
  LEFT JOIN heimdex.keyframe k
    ON k.owner_id = s.owner_id AND k.scene_id = s.scene_id AND k.rank = 0
  LEFT JOIN heimdex.vector v
    ON v.owner_id = s.owner_id AND v.space_id = (SELECT heimdex.visual_clip_space())
   AND v.scene_id = s.scene_id AND v.rank = 0;
REVOKE INSERT, UPDATE, DELETE ON heimdex.video_scenes FROM heimdex_app;

-- The scenes whose nearest frame is nearest to a CLIP vector, best first: similarity = 1 - cosine distance, at least
-- the threshold. Picture, record, thumbnail and similarity of a row are those of that frame.
--
-- Space and length are literals in the statement, so that the partial HNSW index fits; which way is taken is
-- counted as in store/nearest.py. Of the frames found, a scene may have three: so three times as many are asked for.
CREATE FUNCTION heimdex.search_scenes_by_visual_clip_embedding(
    query_embedding public.vector(512),
    match_threshold double precision DEFAULT 0.5,
    match_count integer DEFAULT 20,
    filter_user_id uuid DEFAULT NULL,
    filter_video_id uuid DEFAULT NULL)
RETURNS TABLE (
    id uuid, video_id uuid, index integer, start_s double precision, end_s double precision, thumbnail_url text,
    transcript_segment text, visual_summary text, visual_description text, visual_entities text[],
    visual_actions text[], tags text[], embedding_visual_clip public.vector(512), visual_clip_metadata jsonb,
    similarity double precision)
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $function$
DECLARE
    owner uuid := NULLIF(current_setting('heimdex.owner', true), '')::uuid;
    space smallint;
    wanted integer := least(COALESCE(match_count, 20), 1000);
    exact_rows integer := COALESCE(NULLIF(current_setting('heimdex.exact_rows', true), '')::integer, 10000);
    rows_here bigint;
    distance text := 'v.embedding::halfvec(512) <=> $2';
    nearest text;
    before text[];
    place text := rtrim(COALESCE(current_setting('heimdex.public_url', true), ''), '/') || '/api/v1/keyframes/';
BEGIN
    IF owner IS NULL OR filter_user_id <> owner OR query_embedding IS NULL OR wanted < 1 THEN
        RETURN;
    END IF;
    IF vector_dims(query_embedding) <> 512 THEN
        RAISE EXCEPTION 'the query has % numbers, not 512', vector_dims(query_embedding)
            USING ERRCODE = 'data_exception', HINT = 'Give a vector of a CLIP model of the size of ViT-B.';
    END IF;
    IF NOT vector_norm(query_embedding) > 0 THEN
        RAISE EXCEPTION 'the query is a vector of zeros, which is near to nothing'
            USING ERRCODE = 'invalid_parameter_value', HINT = 'Give the vector that the model made.';
    END IF;
    space := heimdex.visual_clip_space();
    IF space IS NULL THEN
        RAISE EXCEPTION 'no_active_clip_model: no picture model with vectors of 512 numbers is in use'
            USING ERRCODE = 'HX001',
                  HINT = 'Index with one, or take one into use: heimdex models use clip-vit-b-32-openai.';
    END IF;

    EXECUTE format(
        'SELECT count(*) FROM (SELECT FROM heimdex.vector v WHERE v.owner_id = $1 AND v.space_id = %s LIMIT %s) c',
        space, exact_rows + 1) INTO rows_here USING owner;
    IF rows_here <= exact_rows OR filter_video_id IS NOT NULL THEN
        distance := '(' || distance || ') + 0';  -- no index is sorted by that: every row is looked at
    END IF;
    nearest := format(
        'SELECT v.scene_id, v.rank FROM heimdex.vector v JOIN heimdex.asset a USING (owner_id, asset_id)
          WHERE v.owner_id = $1 AND v.space_id = %s AND v.embedding IS NOT NULL AND a.present%s
          ORDER BY %s LIMIT %s',
        space, CASE WHEN filter_video_id IS NULL THEN '' ELSE ' AND v.asset_id = $5' END, distance, 3 * wanted);
    before := ARRAY[current_setting('hnsw.iterative_scan'), current_setting('hnsw.ef_search'),
                    current_setting('hnsw.max_scan_tuples')];
    PERFORM set_config('hnsw.iterative_scan', 'relaxed_order', true),
            set_config('hnsw.ef_search', least(1000, greatest(400, 3 * wanted))::text, true),
            set_config('hnsw.max_scan_tuples', '40000', true);

    RETURN QUERY EXECUTE format(
        'WITH nearest AS MATERIALIZED (%s),
         best AS (
            SELECT DISTINCT ON (v.scene_id) v.scene_id, v.rank, v.keyframe_id, v.embedding, v.metadata,
                   1 - (v.embedding::vector(512) <=> $3) AS similarity
              FROM nearest n JOIN heimdex.vector v
                ON v.owner_id = $1 AND v.space_id = %s AND v.scene_id = n.scene_id AND v.rank = n.rank
             ORDER BY v.scene_id, similarity DESC, v.rank)
         SELECT s.id, s.video_id, s.index, s.start_s, s.end_s, $6 || k.keyframe_id || ''/thumbnail'', s.transcript_segment,
                s.visual_summary, s.visual_description, s.visual_entities, s.visual_actions, s.tags,
                b.embedding::vector(512), b.metadata, b.similarity
           FROM (SELECT * FROM best WHERE similarity >= $4 AND similarity <= 2
                  ORDER BY similarity DESC, scene_id LIMIT %s) b
           JOIN heimdex.video_scenes s ON s.owner_id = $1 AND s.id = b.scene_id
           JOIN heimdex.keyframe k ON k.owner_id = $1 AND k.keyframe_id = b.keyframe_id
          ORDER BY b.similarity DESC, b.scene_id', nearest, space, wanted)
        USING owner, l2_normalize(query_embedding)::halfvec(512), query_embedding,
              COALESCE(match_threshold, -2), filter_video_id, place;

    PERFORM set_config('hnsw.iterative_scan', before[1], true), set_config('hnsw.ef_search', before[2], true),
            set_config('hnsw.max_scan_tuples', before[3], true);
END
$function$;
REVOKE ALL ON FUNCTION heimdex.visual_clip_space() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION heimdex.visual_clip_space() TO heimdex_app;
REVOKE ALL ON FUNCTION heimdex.search_scenes_by_visual_clip_embedding(
    public.vector, double precision, integer, uuid, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION heimdex.search_scenes_by_visual_clip_embedding(
    public.vector, double precision, integer, uuid, uuid) TO heimdex_app;
