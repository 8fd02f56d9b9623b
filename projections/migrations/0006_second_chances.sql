-- Dead letters that were mended (by a newer Rollcall, an attribute's type, a phone's country) and retried:
-- one that succeeded is kept, with the time, and not listed any more.
ALTER TABLE rollcall.dead_letters ADD COLUMN resolved_at timestamptz;

-- Nobody may put a table of his own before ours, temporary ones not either.
CREATE OR REPLACE FUNCTION rollcall.authenticate(secret_hash bytea)
    RETURNS TABLE (account_id uuid, key_id text, kind text)
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = rollcall_model, pg_temp
    AS $$
    #variable_conflict use_column
    BEGIN
        RETURN QUERY SELECT k.account_id, k.key_id, k.kind FROM api_keys k WHERE k.secret_sha256 = secret_hash;
    END $$;

CREATE OR REPLACE FUNCTION rollcall.log_head() RETURNS bigint
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = rollcall, pg_temp
    AS $$ SELECT coalesce(max(notification_id), 0) FROM stored_events $$;

CREATE OR REPLACE FUNCTION rollcall.standing()
    RETURNS TABLE (head bigint, "position" bigint, waiting_since timestamptz, recomputing bigint, failed bigint,
                   dead_letters bigint, dead_letters_unpublished bigint)
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = rollcall_model, rollcall, pg_temp
    AS $$
    #variable_conflict use_column
    BEGIN
        RETURN QUERY
        SELECT (SELECT coalesce(max(notification_id), 0) FROM stored_events),
               p.position,
               -- The first event that the read model does not hold yet.
               (SELECT (convert_from(e.state, 'UTF8')::json->>'recorded_at')::timestamptz
                FROM stored_events e WHERE e.notification_id > p.position ORDER BY e.notification_id LIMIT 1),
               (SELECT count(*) FROM segments WHERE building IS NOT NULL),
               (SELECT count(*) FROM segments WHERE failure IS NOT NULL),
               (SELECT count(*) FROM dead_letters WHERE resolved_at IS NULL),
               (SELECT count(*) FROM dead_letters WHERE published_at IS NULL AND resolved_at IS NULL)
        FROM projection p;
    END $$;
