-- The effective time of each event, with the event: the later of the instant at which it was recorded and the effective
-- time of the event before it in the log, over all accounts, in microseconds since 1970. A reader of a part of the log
-- needs no other part to know it.

ALTER TABLE rollcall.stored_events ADD COLUMN effective_at bigint;

-- When an event was recorded. That is the second field of the JSON, at the same place in nearly every event; an event
-- whose values were erased has its fields in another order.
CREATE FUNCTION pg_temp.recorded_at(state bytea) RETURNS bigint
    LANGUAGE sql IMMUTABLE
    AS $$
        SELECT (extract(epoch FROM t.recorded_at::timestamptz) * 1000000)::bigint
        FROM (SELECT CASE
                  WHEN substr(state, 1, 15) = '{"account_id":"' AND substr(state, 52, 17) = '","recorded_at":"'
                  THEN split_part(encode(substr(state, 69, 40), 'escape'), '"', 1)
                  ELSE convert_from(state, 'UTF8')::jsonb->>'recorded_at'
              END AS recorded_at) AS t
    $$;

DO $$
DECLARE
    head    bigint;
    first   bigint := 0;
    reached bigint := -62135596800000000;  -- the first instant of the calendar
    step    CONSTANT bigint := 100000;
BEGIN
    PERFORM pg_advisory_xact_lock(7305466);
    head := rollcall.log_head();
    WHILE first < head LOOP
        WITH timed AS (
            SELECT notification_id,
                   max(pg_temp.recorded_at(state)) OVER (ORDER BY notification_id) AS latest
            FROM rollcall.stored_events
            WHERE notification_id > first AND notification_id <= first + step
        )
        UPDATE rollcall.stored_events e
        SET effective_at = greatest(t.latest, reached)
        FROM timed t
        WHERE e.notification_id = t.notification_id;
        first := least(first + step, head);
        reached := greatest(reached, (SELECT max(effective_at) FROM rollcall.stored_events
                                      WHERE notification_id > first - step AND notification_id <= first));
        RAISE NOTICE 'effective times up to position % of %', first, head;
    END LOOP;
END $$;

-- The error that a process of an earlier version gets when it appends an event: it gives no effective time.
CREATE FUNCTION rollcall.refuse_earlier_version() RETURNS bigint
    LANGUAGE plpgsql
    AS $$
    BEGIN
        RAISE EXCEPTION 'this database was migrated to a newer version of Rollcall: start that version instead'
            USING ERRCODE = 'operator_intervention';
    END $$;

ALTER TABLE rollcall.stored_events
    ALTER COLUMN effective_at SET NOT NULL,
    ALTER COLUMN effective_at SET DEFAULT rollcall.refuse_earlier_version();

-- The effective time of the last event of the log, from which that of the next follows.
CREATE FUNCTION rollcall.log_time() RETURNS bigint
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = rollcall, pg_temp
    AS $$ SELECT effective_at FROM stored_events ORDER BY notification_id DESC LIMIT 1 $$;
REVOKE EXECUTE ON FUNCTION rollcall.log_time() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION rollcall.log_time() TO rollcall_api, rollcall_worker;
