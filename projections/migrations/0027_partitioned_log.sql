-- The log in parts, each of ten million positions (deploy/docs/decisions/0037). The table as it was becomes the first
-- part, where it is: however long the log, none of it is copied.

SELECT pg_advisory_xact_lock(7305466);

-- The newest event of each stream, but for those of customers: what an append was decided on. The log itself cannot refuse
-- a second event of a version, because that may be in another part; customers have `customer_states.revision`.
CREATE TABLE rollcall.stream_heads (
    originator_id uuid   PRIMARY KEY,
    version       bigint NOT NULL,
    account_id    uuid   NOT NULL
) WITH (fillfactor = 70);
INSERT INTO rollcall.stream_heads (originator_id, version, account_id)
SELECT originator_id, max(originator_version), account_id
FROM rollcall.stored_events
WHERE topic NOT IN ('rollcall.customer.changed', 'rollcall.customer.deleted')
GROUP BY originator_id, account_id;
ALTER TABLE rollcall.stream_heads ENABLE ROW LEVEL SECURITY;

-- Moves streams on, from before version `firsts` to `lasts`. Returns how many: fewer, where another writer was first.
-- Called under the log's lock. It sees every account: an id belongs to one of them only.
CREATE FUNCTION rollcall.move_heads(account uuid, ids uuid[], firsts bigint[], lasts bigint[]) RETURNS bigint
    LANGUAGE sql SECURITY DEFINER SET search_path = rollcall, pg_temp
    AS $$
        WITH moved AS (
            INSERT INTO stream_heads AS h (originator_id, version, account_id)
            SELECT t.id, t.last, account
            FROM unnest(ids, firsts, lasts) AS t (id, first, last)
            WHERE NOT EXISTS (SELECT FROM stream_heads o WHERE o.originator_id = t.id AND o.version >= t.first)
            ON CONFLICT (originator_id) DO UPDATE
            SET version = excluded.version
            WHERE h.version < excluded.version AND h.account_id = excluded.account_id
            RETURNING originator_id
        )
        SELECT count(*) FROM moved
    $$;
REVOKE EXECUTE ON FUNCTION rollcall.move_heads FROM PUBLIC;
GRANT EXECUTE ON FUNCTION rollcall.move_heads TO rollcall_api, rollcall_worker;

-- Which part holds which positions.
CREATE TABLE rollcall.log_parts (
    first_position bigint PRIMARY KEY,
    last_position  bigint NOT NULL UNIQUE,
    name           text   NOT NULL UNIQUE
);
ALTER TABLE rollcall.log_parts ENABLE ROW LEVEL SECURITY;
CREATE POLICY everyone_reads ON rollcall.log_parts FOR SELECT TO rollcall_api, rollcall_worker USING (true);
GRANT SELECT ON rollcall.log_parts TO rollcall_api, rollcall_worker;

-- The first part: what is bound to the table by name makes room for the whole.
ALTER TABLE rollcall.stored_events RENAME TO stored_events_1;
DROP TRIGGER keep_rights ON rollcall.stored_events_1;
DROP POLICY own_account ON rollcall.stored_events_1;
DROP POLICY every_account ON rollcall.stored_events_1;
REVOKE ALL ON rollcall.stored_events_1 FROM rollcall_api, rollcall_worker;
ALTER TABLE rollcall.stored_events_1 DROP CONSTRAINT stored_events_pkey;
ALTER INDEX rollcall.stored_events_notification_id RENAME TO stored_events_1_notification_id;
ALTER INDEX rollcall.stored_events_filters RENAME TO stored_events_1_filters;
CREATE INDEX stored_events_1_stream ON rollcall.stored_events_1 (originator_id, originator_version);

CREATE SEQUENCE rollcall.log_positions;
SELECT setval('rollcall.log_positions', last_value, is_called) FROM rollcall.stored_events_notification_id_seq;
GRANT USAGE ON SEQUENCE rollcall.log_positions TO rollcall_api, rollcall_worker;
ALTER TABLE rollcall.stored_events_1 ALTER COLUMN notification_id DROP IDENTITY;

CREATE TABLE rollcall.stored_events (
    originator_id      uuid   NOT NULL,
    originator_version bigint NOT NULL,
    topic              text   NOT NULL,
    state              bytea  NOT NULL,
    notification_id    bigint NOT NULL DEFAULT nextval('rollcall.log_positions'),
    account_id         uuid   NOT NULL,
    effective_at       bigint NOT NULL DEFAULT rollcall.refuse_earlier_version()
) PARTITION BY RANGE (notification_id);
ALTER SEQUENCE rollcall.log_positions OWNED BY rollcall.stored_events.notification_id;
CREATE UNIQUE INDEX stored_events_notification_id ON rollcall.stored_events (notification_id);
CREATE INDEX stored_events_stream ON rollcall.stored_events (originator_id, originator_version);
CREATE INDEX stored_events_filters ON rollcall.stored_events (account_id, notification_id)
    WHERE topic IN ('rollcall.segment.created', 'rollcall.segment.filter_changed', 'rollcall.segment.deleted');
CREATE TRIGGER keep_rights AFTER INSERT ON rollcall.stored_events FOR EACH ROW
    WHEN (new.topic IN ('rollcall.account.created', 'rollcall.account.api_key_created',
                        'rollcall.account.api_key_revoked'))
    EXECUTE FUNCTION rollcall.keep_new_right();
ALTER TABLE rollcall.stored_events ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_account ON rollcall.stored_events TO rollcall_api
    USING (account_id = (SELECT rollcall.current_account()));
CREATE POLICY every_account ON rollcall.stored_events TO rollcall_worker USING (true);
GRANT SELECT, INSERT ON rollcall.stored_events TO rollcall_api, rollcall_worker;

DO $$
DECLARE
    last bigint := ((SELECT last_value FROM rollcall.log_positions) / 10000000 + 1) * 10000000;
BEGIN
    RAISE NOTICE 'the log up to position % becomes its first part', last;
    EXECUTE format('ALTER TABLE rollcall.stored_events ATTACH PARTITION rollcall.stored_events_1 '
                   'FOR VALUES FROM (MINVALUE) TO (%s)', last + 1);
    INSERT INTO rollcall.log_parts VALUES (1, last, 'stored_events_1');
END $$;

-- Makes parts ahead, until there is room for ten million positions more than were drawn. It attaches a table instead of
-- creating a partition, which no reader has to wait for.
CREATE FUNCTION rollcall.extend_log() RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = rollcall, pg_temp
    AS $$
    DECLARE
        size  CONSTANT bigint := 10000000;
        first bigint;
        part  text;
    BEGIN
        PERFORM pg_advisory_xact_lock(7305466);
        LOOP
            SELECT max(last_position) + 1 INTO first FROM log_parts;
            EXIT WHEN first > (SELECT last_value FROM log_positions) + size;
            part := 'stored_events_' || first;
            EXECUTE format('CREATE TABLE %I (LIKE stored_events INCLUDING DEFAULTS) WITH '
                           '(autovacuum_vacuum_scale_factor = 0.5, autovacuum_analyze_scale_factor = 0.1)', part);
            EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', part);
            EXECUTE format('ALTER TABLE stored_events ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%s)',
                           part, first, first + size);
            INSERT INTO log_parts VALUES (first, first + size - 1, part);
        END LOOP;
    END $$;
REVOKE EXECUTE ON FUNCTION rollcall.extend_log FROM PUBLIC;
GRANT EXECUTE ON FUNCTION rollcall.extend_log TO rollcall_api, rollcall_worker;
SELECT rollcall.extend_log();
