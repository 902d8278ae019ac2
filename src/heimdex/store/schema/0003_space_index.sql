-- The HNSW index looks further while it is built. With pgvector's 64 candidates, vectors in 400 tight groups (a
-- library with hundreds of takes of the same things) lost whole groups: recall@10 .958 over 200,000 rows, and 17
-- of 1,000 queries found nothing right. With 200 it is .999 and none, for about twice the time to build
-- (python -m benchmarks --only knn; more neighbours, m = 24, brought nothing).
CREATE OR REPLACE FUNCTION heimdex.build_space_index(wanted smallint) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $function$
DECLARE
    width integer;
    index_name text := format('vector_space_%s_hnsw', wanted);
BEGIN
    SELECT dim INTO STRICT width FROM heimdex.space WHERE space_id = wanted;
    EXECUTE format(
        'CREATE INDEX IF NOT EXISTS %I ON heimdex.vector '
        'USING hnsw ((embedding::halfvec(%s)) halfvec_cosine_ops) WITH (m = 16, ef_construction = 200) '
        'WHERE space_id = %s AND embedding IS NOT NULL', index_name, width, wanted);
    RETURN index_name;
END
$function$;
