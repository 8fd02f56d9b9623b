-- Erasing persons: their values leave the log's payloads in the transaction that stores their deletion.
-- The events themselves stay, with who, when and in which order, so that a replay still works; what they
-- told of the person is nowhere any more. (Vacuum, the WAL and backups follow at their own pace.)

-- For customers of this transaction's account: `versions` are those of their deletions.
CREATE FUNCTION rollcall.erase_customers(ids uuid[], versions bigint[]) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = rollcall, pg_temp
    AS $$
    DECLARE
        called text[];
    BEGIN
        -- Every external id and phone number that the log knew them by, as the bytes look in a JSON text.
        SELECT array_agg(DISTINCT encode(convert_to(told.word, 'UTF8'), 'escape'))
        INTO called
        FROM unnest(ids, versions) AS t (id, version)
        JOIN stored_events e ON e.originator_id = t.id AND e.originator_version < t.version
        CROSS JOIN LATERAL (SELECT convert_from(e.state, 'UTF8')::jsonb AS state) AS s
        CROSS JOIN LATERAL (VALUES (s.state->>'external_id'), (s.state#>>'{values,external_id}'),
                                   (s.state#>>'{values,phone}')) AS told (word)
        WHERE e.account_id = current_account() AND e.topic = 'rollcall.customer.changed' AND told.word IS NOT NULL;

        UPDATE stored_events e
        SET state = convert_to((convert_from(e.state, 'UTF8')::jsonb
                    || '{"values": {}, "external_id": null, "source": null, "change_id": null}')::text, 'UTF8')
        FROM unnest(ids, versions) AS t (id, version)
        WHERE e.originator_id = t.id AND e.originator_version < t.version
          AND e.account_id = current_account() AND e.topic = 'rollcall.customer.changed';

        -- Records and rows that were set aside, and answers that were kept, where they are about them.
        DELETE FROM dead_letters d
        WHERE d.account_id = current_account()
          AND (encode(d.key, 'escape') = ANY (called)
               OR EXISTS (SELECT FROM jsonb_array_elements(d.headers) AS h
                          WHERE h->>0 = 'ce_subject' AND encode(decode(h->>1, 'hex'), 'escape') = ANY (called))
               OR EXISTS (SELECT FROM regexp_matches(encode(d.value, 'escape'), '"([^"]*)"', 'g') AS m
                          WHERE m[1] = ANY (called)));
        DELETE FROM import_errors r
        WHERE r.account_id = current_account()
          AND EXISTS (SELECT FROM regexp_matches(encode(r.cells, 'escape'), '"([^"]*)"', 'g') AS m
                      WHERE m[1] = ANY (called));
        DELETE FROM idempotency_keys k
        WHERE k.account_id = current_account()
          AND EXISTS (SELECT FROM regexp_matches(encode(k.body, 'escape'), '"([^"]*)"', 'g') AS m
                      WHERE m[1] = ANY (called));
    END $$;
REVOKE EXECUTE ON FUNCTION rollcall.erase_customers FROM PUBLIC;
GRANT EXECUTE ON FUNCTION rollcall.erase_customers TO rollcall_api, rollcall_worker;
