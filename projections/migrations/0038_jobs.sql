-- Jobs: one thing to be done to many customers, such as adding all who match a search to a list. Any API process can
-- continue one: the events of a part, the counts and `parts_done` move in one transaction.

CREATE TABLE rollcall.jobs (
    job_id       uuid        PRIMARY KEY,
    account_id   uuid        NOT NULL,
    action       text        NOT NULL,
    segment_id   uuid,
    attribute    text,
    value        text,
    -- The change that is taken back: a job, an import, or the stream of a change by hand.
    takes_back   uuid,
    -- What was searched for (JSON), only until the customers are found.
    wanted       bytea,
    started_by   text,
    state        text        NOT NULL DEFAULT 'running',
    failure_code text,
    failure      text,
    started_at   timestamptz NOT NULL,
    finished_at  timestamptz,
    -- At first, what the search must include; then what was found is as of it; then what the last part ended at.
    position     bigint      NOT NULL,
    -- NULL until the customers are found.
    parts        integer,
    total        bigint,
    parts_done   integer     NOT NULL DEFAULT 0,
    changed      bigint      NOT NULL DEFAULT 0,
    unchanged    bigint      NOT NULL DEFAULT 0,
    not_found    bigint      NOT NULL DEFAULT 0,
    refused      bigint      NOT NULL DEFAULT 0,
    CHECK (state <> 'done' OR total = changed + unchanged + not_found + refused)
) WITH (fillfactor = 50);
CREATE INDEX jobs_running ON rollcall.jobs (started_at) WHERE state = 'running';
CREATE INDEX jobs_age ON rollcall.jobs (account_id, started_at, job_id);

-- The customers of a job, some at a time, until it ends.
CREATE TABLE rollcall.job_parts (
    job_id       uuid    NOT NULL REFERENCES rollcall.jobs ON DELETE CASCADE,
    part         integer NOT NULL,
    account_id   uuid    NOT NULL,
    customer_ids uuid[]  NOT NULL,
    PRIMARY KEY (job_id, part)
);

DO $$
DECLARE
    each text;
BEGIN
    FOREACH each IN ARRAY ARRAY['jobs', 'job_parts'] LOOP
        EXECUTE format('ALTER TABLE rollcall.%I ENABLE ROW LEVEL SECURITY', each);
        EXECUTE format('CREATE POLICY own_account ON rollcall.%I TO rollcall_api '
                       'USING (account_id = (SELECT rollcall.current_account()))', each);
        EXECUTE format('CREATE POLICY every_account ON rollcall.%I TO rollcall_worker USING (true)', each);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON rollcall.%I TO rollcall_api, rollcall_worker', each);
    END LOOP;
END $$;

-- Which jobs wait for a runner, over all accounts, in turns: the oldest job of each account, then the second of each.
CREATE FUNCTION rollcall.running_jobs() RETURNS TABLE (account_id uuid, job_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = rollcall, pg_temp
    AS $$
        SELECT t.account_id, t.job_id
        FROM (SELECT j.account_id, j.job_id, j.started_at,
                     row_number() OVER (PARTITION BY j.account_id ORDER BY j.started_at) AS turn
              FROM jobs j WHERE j.state = 'running') AS t
        ORDER BY t.turn, t.started_at
        LIMIT 100
    $$;
REVOKE EXECUTE ON FUNCTION rollcall.running_jobs FROM PUBLIC;
GRANT EXECUTE ON FUNCTION rollcall.running_jobs TO rollcall_api;

-- Who sent a file.
ALTER TABLE rollcall.imports ADD COLUMN started_by text;
