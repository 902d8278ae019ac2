-- Which picture model answers searches: an owner's own choice, else the installation's. Spaces of several
-- models stand side by side; a change of model moves a pointer (decision 7).

CREATE TABLE heimdex.model_choice (
    owner_id     uuid PRIMARY KEY,
    model_id     smallint NOT NULL REFERENCES heimdex.model,
    previous_id  smallint REFERENCES heimdex.model,
    changed_at   timestamptz NOT NULL DEFAULT now()
);

ALTER TABLE heimdex.model_choice ENABLE ROW LEVEL SECURITY;
ALTER TABLE heimdex.model_choice FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON heimdex.model_choice
    USING (owner_id = NULLIF(current_setting('heimdex.owner', true), '')::uuid)
    WITH CHECK (owner_id = NULLIF(current_setting('heimdex.owner', true), '')::uuid);

-- One row, of the installation. A share of the owners, told by their ids, may be given the next model first.
CREATE TABLE heimdex.model_default (
    is_only       boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    model_id      smallint NOT NULL REFERENCES heimdex.model,
    previous_id   smallint REFERENCES heimdex.model,
    next_id       smallint REFERENCES heimdex.model,
    next_percent  smallint NOT NULL DEFAULT 0 CHECK (next_percent BETWEEN 0 AND 100),
    changed_at    timestamptz NOT NULL DEFAULT now()
);

-- An owner's place in a gradual roll-out, 0 to 99 and always the same: the last hex digits of an owner's id are
-- random. Whose place is below the percent is given the next model.
CREATE FUNCTION heimdex.rollout_place(wanted uuid) RETURNS integer
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $function$
    SELECT ('x' || right(wanted::text, 7))::bit(28)::integer % 100
$function$;
REVOKE ALL ON FUNCTION heimdex.rollout_place(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION heimdex.rollout_place(uuid) TO heimdex_app;

-- The model in use for the owner of this transaction; NULL where none was ever taken into use.
CREATE FUNCTION heimdex.active_picture_model() RETURNS smallint
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $function$
    SELECT COALESCE(
        (SELECT c.model_id FROM heimdex.model_choice c
          WHERE c.owner_id = NULLIF(current_setting('heimdex.owner', true), '')::uuid),
        (SELECT CASE WHEN d.next_id IS NOT NULL
                      AND heimdex.rollout_place(current_setting('heimdex.owner', true)::uuid) < d.next_percent
                     THEN d.next_id ELSE d.model_id END
           FROM heimdex.model_default d
          WHERE NULLIF(current_setting('heimdex.owner', true), '') IS NOT NULL))
$function$;
REVOKE ALL ON FUNCTION heimdex.active_picture_model() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION heimdex.active_picture_model() TO heimdex_app;
