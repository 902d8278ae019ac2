-- Figures of the whole installation, for whoever watches it: counts over all owners, told apart by stage, model,
-- queue and state, and by nothing that leads to an owner, a file or a word.

-- A forced policy binds heimdex_owner too, as whom the function below runs. This one opens the tables to that
-- role alone, for reading alone, and only while the function counts.
DO $policies$
DECLARE
    counted text;
BEGIN
    FOREACH counted IN ARRAY ARRAY['asset', 'file', 'keyframe', 'vector', 'stage_run', 'job']
    LOOP
        CONTINUE WHEN to_regclass('heimdex.' || counted) IS NULL;
        EXECUTE format(
            'CREATE POLICY counting ON heimdex.%I FOR SELECT TO heimdex_owner '
            'USING (current_setting(''heimdex.counting'', true) = ''on'')', counted);
    END LOOP;
END
$policies$;

CREATE FUNCTION heimdex.installation_figures()
RETURNS TABLE (figure text, stage text, model text, state text, value double precision)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $function$
BEGIN
    PERFORM set_config('heimdex.counting', 'on', true);

    RETURN QUERY
    SELECT 'assets', '', '', a.kind, count(*)::double precision FROM heimdex.asset a WHERE a.present GROUP BY a.kind
    UNION ALL
    SELECT 'files', '', '', f.state, count(*) FROM heimdex.file f GROUP BY f.state;

    RETURN QUERY
    WITH ledger AS (
        SELECT r.stage, coalesce(m.name, '') AS model, r.state, r.duration_ms,
               r.state = 'failed' AND r.error LIKE '%Timeout after%' AS overran
          FROM heimdex.stage_run r LEFT JOIN heimdex.model m ON m.model_id = r.model_id)
    SELECT 'runs', l.stage, l.model, l.state, count(*)::double precision FROM ledger l GROUP BY 2, 3, 4
    UNION ALL
    SELECT 'timeouts', l.stage, l.model, '', count(*) FILTER (WHERE l.overran) FROM ledger l GROUP BY 2, 3
    UNION ALL
    SELECT 'run_seconds', l.stage, l.model, '', coalesce(sum(l.duration_ms), 0) / 1000 FROM ledger l GROUP BY 2, 3;

    -- Covered is what a stage came to an end for: with rows, with nothing found, or left out on purpose. A stage
    -- that no asset ever entered is not counted: it is switched off.
    RETURN QUERY
    WITH wanted AS (
        SELECT w.stage, a.owner_id, a.asset_id
          FROM (VALUES ('scenes', ''), ('picture', 'audio'), ('speech', 'photo'), ('writing', 'audio'),
                       ('description', 'audio'), ('text', '')) AS w(stage, never)
          JOIN heimdex.asset a ON a.present AND a.kind <> w.never
         WHERE EXISTS (SELECT FROM heimdex.stage_run r WHERE r.stage = w.stage)),
    covered AS (
        SELECT DISTINCT r.stage, r.owner_id, r.asset_id
          FROM heimdex.stage_run r WHERE r.state IN ('done', 'empty', 'skipped'))
    SELECT 'coverage', w.stage, '', '', avg((c.asset_id IS NOT NULL)::integer)::double precision
      FROM wanted w LEFT JOIN covered c USING (stage, owner_id, asset_id) GROUP BY w.stage;

    IF to_regclass('heimdex.job') IS NOT NULL THEN
        RETURN QUERY EXECUTE $jobs$
            SELECT 'jobs', j.queue::text, '', j.state::text, count(*)::double precision
              FROM heimdex.job j GROUP BY j.queue, j.state
            UNION ALL
            SELECT 'job_age', j.queue::text, '', '', extract(epoch FROM clock_timestamp() - min(j.created_at))
              FROM heimdex.job j
             WHERE j.state::text = 'waiting' AND (j.not_before IS NULL OR j.not_before <= now()) GROUP BY j.queue
        $jobs$;
    END IF;

    PERFORM set_config('heimdex.counting', '', true);
END
$function$;

-- Apart from the others: this one reads every vector's row, and takes its time where there are millions.
CREATE FUNCTION heimdex.vector_figures()
RETURNS TABLE (figure text, stage text, model text, state text, value double precision)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $function$
BEGIN
    PERFORM set_config('heimdex.counting', 'on', true);

    -- Where a model has several spaces the emptiest counts.
    RETURN QUERY
    WITH kept AS (SELECT count(*)::double precision AS frames FROM heimdex.keyframe),
    filled AS (
        SELECT v.space_id, count(*) FILTER (WHERE v.embedding IS NOT NULL) AS good,
               count(*) FILTER (WHERE v.embedding IS NULL) AS bad,
               count(v.metadata ->> 'inference_time_ms') AS timed,
               coalesce(sum((v.metadata ->> 'inference_time_ms')::double precision), 0) AS took_ms
          FROM heimdex.vector v GROUP BY v.space_id),
    models AS (
        SELECT m.name AS model, min(coalesce(f.good, 0))::double precision AS good,
               max(coalesce(f.bad, 0))::double precision AS bad, max(f.timed)::double precision AS timed,
               max(f.took_ms) AS took_ms
          FROM heimdex.model m JOIN heimdex.space s ON s.model_id = m.model_id AND s.name <> 'text'
          LEFT JOIN filled f ON f.space_id = s.space_id GROUP BY m.name)
    SELECT told.figure, 'picture', o.model, '', told.value
      FROM models o CROSS JOIN kept k
     CROSS JOIN LATERAL (VALUES
           ('vectors', o.good), ('vector_failures', o.bad), ('inferences', coalesce(o.timed, 0)),
           ('inference_seconds', coalesce(o.took_ms, 0) / 1000),
           ('vector_coverage', CASE WHEN k.frames = 0 THEN 1 ELSE least(o.good / k.frames, 1) END))
           AS told(figure, value);

    PERFORM set_config('heimdex.counting', '', true);
END
$function$;

REVOKE ALL ON FUNCTION heimdex.installation_figures(), heimdex.vector_figures() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION heimdex.installation_figures(), heimdex.vector_figures() TO heimdex_app;
