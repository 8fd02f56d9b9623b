-- Imports in steps: a file is stored ('uploaded'), what it would do is found out without doing it ('checking', 'checked'),
-- and only then it runs.

ALTER TABLE rollcall.imports
    -- What each column holds, where a person or a program said so; else it follows from the header.
    ADD COLUMN columns   text[],
    -- Of the lines with a customer, those of customers who have opted out; they are in a class of their own beside.
    ADD COLUMN opted_out bigint NOT NULL DEFAULT 0;
DROP INDEX rollcall.imports_running;
CREATE INDEX imports_running ON rollcall.imports (started_at) WHERE state IN ('checking', 'running');

CREATE OR REPLACE FUNCTION rollcall.running_imports() RETURNS TABLE (account_id uuid, import_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = rollcall, pg_temp
    AS $$
        SELECT t.account_id, t.import_id
        FROM (SELECT i.account_id, i.import_id, i.started_at,
                     row_number() OVER (PARTITION BY i.account_id ORDER BY i.started_at) AS turn
              FROM imports i WHERE i.state IN ('checking', 'running')) AS t
        ORDER BY t.turn, t.started_at
        LIMIT 100
    $$;

-- An erasure reaches every import whose file is still there, not only those that run.
DO $$
DECLARE
    each regprocedure;
BEGIN
    FOREACH each IN ARRAY ARRAY['rollcall.erase_customers(uuid[], bigint[])',
                                'rollcall.erase_rows_by_name(uuid[], bigint[])']::regprocedure[] LOOP
        EXECUTE replace(pg_get_functiondef(each), 'i.state = ''running''', 'i.state NOT IN (''done'', ''failed'')');
    END LOOP;
END $$;
