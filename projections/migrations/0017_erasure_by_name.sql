-- An erasure reaches the rejected rows of imports by name too: a row whose number was invalid kept the erased name.

-- A name as it is compared: in any case, with one space for each run of them.
CREATE FUNCTION rollcall.folded_name(name text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ SELECT btrim(regexp_replace(lower(normalize(name, NFKC)), '\s+', ' ', 'g')) $$;

-- What may be a whole name in a row: each cell, and each two beside each other (first and last name, in either order).
-- NUL, which jsonb cannot hold, is left out.
CREATE FUNCTION rollcall.names_in_row(cells bytea) RETURNS text[]
    LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = rollcall, pg_temp
    AS $$
        SELECT array_agg(folded_name(possible.name))
        FROM (SELECT cell, lead(cell) OVER (ORDER BY place) AS following
              FROM jsonb_array_elements_text(
                       regexp_replace(convert_from(cells, 'UTF8'), '(?<!\\)((?:\\\\)*)\\u0000', '\1', 'g')::jsonb)
                   WITH ORDINALITY AS c (cell, place)) AS pairs
        CROSS JOIN LATERAL (VALUES (cell), (cell || ' ' || following), (following || ' ' || cell)) AS possible (name)
        WHERE possible.name IS NOT NULL
    $$;

-- The names that were erased while an import runs, beside it until it ends: its later rows are not kept either.
CREATE TABLE rollcall.import_erased_names (
    import_id  uuid NOT NULL REFERENCES rollcall.imports ON DELETE CASCADE,
    name       text NOT NULL,
    account_id uuid NOT NULL,
    PRIMARY KEY (import_id, name)
);
ALTER TABLE rollcall.import_erased_names ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_account ON rollcall.import_erased_names TO rollcall_api
    USING (account_id = (SELECT rollcall.current_account()));
CREATE POLICY every_account ON rollcall.import_erased_names TO rollcall_worker USING (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON rollcall.import_erased_names TO rollcall_api, rollcall_worker;

-- Removes the rejected rows that hold the name of a customer who is erased. Called before `erase_customers`, which
-- removes the names from the log.
CREATE FUNCTION rollcall.erase_rows_by_name(ids uuid[], versions bigint[]) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = rollcall, pg_temp
    AS $$
    DECLARE
        names text[];
    BEGIN
        SELECT array_agg(DISTINCT folded_name(s.name)) INTO names
        FROM unnest(ids, versions) AS t (id, version)
        JOIN stored_events e ON e.originator_id = t.id AND e.originator_version < t.version
        CROSS JOIN LATERAL (SELECT convert_from(e.state, 'UTF8')::jsonb#>>'{values,name}' AS name) AS s
        WHERE e.account_id = current_account() AND e.topic = 'rollcall.customer.changed' AND folded_name(s.name) <> '';
        IF names IS NULL THEN
            RETURN;
        END IF;
        -- First the running imports, whose rows a chunk holds until it is stored: one decided before is decided again.
        UPDATE imports i SET erasures = erasures + 1
        WHERE i.account_id = current_account() AND i.state = 'running';
        INSERT INTO import_erased_names (import_id, name, account_id)
        SELECT i.import_id, n.name, i.account_id
        FROM imports i CROSS JOIN unnest(names) AS n (name)
        WHERE i.account_id = current_account() AND i.state = 'running'
        ON CONFLICT DO NOTHING;
        DELETE FROM import_errors r WHERE r.account_id = current_account() AND names_in_row(r.cells) && names;
    END $$;

DO $$
DECLARE
    each regprocedure;
BEGIN
    FOREACH each IN ARRAY ARRAY[
        'rollcall.folded_name(text)', 'rollcall.names_in_row(bytea)', 'rollcall.erase_rows_by_name(uuid[], bigint[])'
    ]::regprocedure[] LOOP
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', each);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO rollcall_api, rollcall_worker', each);
    END LOOP;
END $$;
