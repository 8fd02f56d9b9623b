-- How the whole installation stands, for those who run it: counts and instants over all accounts, nothing of any.
-- Bodies are looked up in the read model at the time of the call, so a rebuild may replace it.

CREATE FUNCTION rollcall.standing()
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
               (SELECT count(*) FROM dead_letters),
               (SELECT count(*) FROM dead_letters WHERE published_at IS NULL)
        FROM projection p;
    END $$;
