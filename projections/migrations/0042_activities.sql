-- Facts of what customers do.

-- By what a repeated fact is recognised, from any sender: 128 bits of the account, the source and the id, and the
-- time of the fact in microseconds since 1970.
CREATE TABLE rollcall.activity_marks (
    mark       uuid   PRIMARY KEY,
    account_id uuid   NOT NULL,
    time       bigint NOT NULL
);
ALTER TABLE rollcall.activity_marks ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_account ON rollcall.activity_marks TO rollcall_api
    USING (account_id = (SELECT rollcall.current_account()));
CREATE POLICY every_account ON rollcall.activity_marks TO rollcall_worker USING (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON rollcall.activity_marks TO rollcall_api, rollcall_worker;

-- As in 0035, and what they did.
CREATE OR REPLACE FUNCTION rollcall.erase_customers(ids uuid[], versions bigint[]) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = rollcall, pg_temp
    AS $$
    DECLARE
        called text[];
        phones text[];
    BEGIN
        -- Every external id and phone number that the log knew them by, as they are, and as the bytes look in a
        -- JSON text.
        SELECT array_agg(DISTINCT encode(convert_to(known.word, 'UTF8'), 'escape')),
               array_agg(DISTINCT known.word) FILTER (WHERE known.is_phone)
        INTO called, phones
        FROM unnest(ids, versions) AS t (id, version)
        JOIN stored_events e ON e.originator_id = t.id AND e.originator_version < t.version
        CROSS JOIN LATERAL (SELECT convert_from(e.state, 'UTF8')::jsonb AS state) AS s
        CROSS JOIN LATERAL (VALUES (s.state->>'external_id', false), (s.state#>>'{values,external_id}', false),
                                   (s.state#>>'{values,phone}', true)) AS known (word, is_phone)
        WHERE e.account_id = current_account() AND e.topic = 'rollcall.customer.changed' AND known.word IS NOT NULL;

        UPDATE stored_events e
        SET state = convert_to((convert_from(e.state, 'UTF8')::jsonb
                    || '{"values": {}, "external_id": null, "source": null, "change_id": null}')::text, 'UTF8')
        FROM unnest(ids, versions) AS t (id, version)
        WHERE e.originator_id = t.id AND e.originator_version < t.version
          AND e.account_id = current_account() AND e.topic = 'rollcall.customer.changed';

        -- Of what they did, only when remains.
        UPDATE stored_events e
        SET state = convert_to((convert_from(e.state, 'UTF8')::jsonb
                    || '{"activity": "", "properties": {}, "source": null, "activity_id": null}')::text, 'UTF8')
        FROM unnest(ids, versions) AS t (id, version)
        WHERE e.originator_id = t.id AND e.originator_version < t.version
          AND e.account_id = current_account() AND e.topic = 'rollcall.activity.recorded';

        -- Records and rows that were set aside, and answers that were kept, where they are about them.
        DELETE FROM dead_letters d
        WHERE d.account_id = current_account()
          AND (encode(d.key, 'escape') = ANY (called)
               -- A key in JSON: the texts and numbers in it. Of a value only the texts, since any number is in some value.
               OR EXISTS (SELECT FROM regexp_matches(encode(d.key, 'escape'), '"([^"]*)"|([0-9]+)', 'g') AS m
                          WHERE m[1] = ANY (called) OR m[2] = ANY (called))
               OR EXISTS (SELECT FROM jsonb_array_elements(d.headers) AS h
                          WHERE h->>0 = 'ce_subject' AND encode(decode(h->>1, 'hex'), 'escape') = ANY (called))
               OR EXISTS (SELECT FROM regexp_matches(encode(d.value, 'escape'), '"([^"]*)"', 'g') AS m
                          WHERE m[1] = ANY (called)));
        -- First the running imports, whose rows a chunk holds until it is stored: what it set aside is seen below.
        IF phones IS NOT NULL THEN
            UPDATE imports i SET erasures = erasures + 1
            WHERE i.account_id = current_account() AND i.state = 'running';
            INSERT INTO import_erasures (import_id, phone, account_id)
            SELECT i.import_id, p.phone, i.account_id
            FROM imports i CROSS JOIN unnest(phones) AS p (phone)
            WHERE i.account_id = current_account() AND i.state = 'running'
            ON CONFLICT DO NOTHING;
        END IF;
        DELETE FROM import_errors r
        WHERE r.account_id = current_account()
          AND (r.numbers && phones OR r.phone = ANY (phones)
               OR EXISTS (SELECT FROM regexp_matches(encode(r.cells, 'escape'), '"([^"]*)"', 'g') AS m
                          WHERE m[1] = ANY (called)));
        DELETE FROM idempotency_keys k
        WHERE k.account_id = current_account()
          AND EXISTS (SELECT FROM regexp_matches(encode(k.body, 'escape'), '"([^"]*)"', 'g') AS m
                      WHERE m[1] = ANY (called));
    END $$;
