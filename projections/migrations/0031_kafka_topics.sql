-- What each Kafka topic is doing, for the Health page and /readyz. Its records are counted by result in received_counts,
-- in the transaction of their changes, so that the counts are exact.
ALTER TABLE rollcall.received_counts DROP CONSTRAINT received_counts_subject_check;
ALTER TABLE rollcall.received_counts
    ADD CONSTRAINT received_counts_subject_check CHECK (subject IN ('message', 'record', 'value'));
CREATE INDEX received_counts_records ON rollcall.received_counts (name) WHERE subject = 'record';

-- How many records of a partition are not ingested, as the process that reads it last saw it. No counts of an account.
CREATE TABLE rollcall.partition_lags (
    topic       text        NOT NULL,
    partition   integer     NOT NULL,
    account_id  uuid        NOT NULL,
    lag         bigint      NOT NULL,
    reported_at timestamptz NOT NULL,
    PRIMARY KEY (topic, partition)
) WITH (fillfactor = 50);
ALTER TABLE rollcall.partition_lags ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_account ON rollcall.partition_lags FOR SELECT TO rollcall_api
    USING (account_id = (SELECT rollcall.current_account()));
CREATE POLICY every_account ON rollcall.partition_lags TO rollcall_worker USING (true);
GRANT SELECT ON rollcall.partition_lags TO rollcall_api;
GRANT SELECT, INSERT, UPDATE, DELETE ON rollcall.partition_lags TO rollcall_worker;

-- What the processes that use Kafka wait for; no code where one works. The whole installation's, without anything of an
-- account. A process that ended stops to report, and is forgotten.
CREATE TABLE rollcall.kafka_processes (
    process     uuid        PRIMARY KEY,
    role        text        NOT NULL,
    code        text,
    detail      text,
    reported_at timestamptz NOT NULL
) WITH (fillfactor = 50);
ALTER TABLE rollcall.kafka_processes ENABLE ROW LEVEL SECURITY;
CREATE POLICY every_account ON rollcall.kafka_processes TO rollcall_worker USING (true);
CREATE POLICY whole_installation ON rollcall.kafka_processes FOR SELECT TO rollcall_api USING (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON rollcall.kafka_processes TO rollcall_worker;
GRANT SELECT ON rollcall.kafka_processes TO rollcall_api;

-- Each topic of the installation in numbers, over all accounts: /readyz is asked by no account.
CREATE FUNCTION rollcall.kafka_topics()
    RETURNS TABLE (topic text, records bigint, invalid bigint, last_at timestamptz, lag bigint, lag_at timestamptz)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = rollcall, pg_temp
    AS $$
        SELECT coalesce(c.name, l.topic), coalesce(c.records, 0), coalesce(c.invalid, 0), c.last_at, l.lag, l.lag_at
        FROM (SELECT name, sum(count)::bigint AS records,
                     coalesce(sum(count) FILTER (WHERE result = 'invalid'), 0)::bigint AS invalid,
                     max(last_at) AS last_at
              FROM received_counts WHERE subject = 'record' GROUP BY name) c
        FULL JOIN (SELECT p.topic, sum(p.lag)::bigint AS lag, min(p.reported_at) AS lag_at
                   FROM partition_lags p GROUP BY p.topic) l ON l.topic = c.name
        ORDER BY 1
    $$;
REVOKE EXECUTE ON FUNCTION rollcall.kafka_topics FROM PUBLIC;
GRANT EXECUTE ON FUNCTION rollcall.kafka_topics TO rollcall_api, rollcall_worker;
