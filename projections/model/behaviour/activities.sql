-- name: insert
INSERT INTO activities (account_id, customer_no, time, position, activity, properties, folded, ahead)
SELECT account_id, customer_no, 'epoch'::timestamptz + time * interval '1 microsecond', position, activity,
       properties::jsonb, folded::jsonb, ahead
FROM unnest(%b::uuid[], %b::bigint[], %b::bigint[], %b::bigint[], %b::text[], %b::text[], %b::text[],
            %b::boolean[])
    AS t (account_id, customer_no, time, position, activity, properties, folded, ahead)

-- name: remove
DELETE FROM activities WHERE customer_no = ANY (%b::bigint[])

-- name: declare
INSERT INTO known_activities (account_id, activity, properties)
VALUES (%(account_id)s, %(activity)s, %(properties)s::json)
ON CONFLICT (account_id, activity) DO UPDATE
SET properties = (known_activities.properties::jsonb || excluded.properties::jsonb)::json

-- name: load
SELECT f.customer_no, (extract(epoch FROM f.time) * 1000000)::bigint, f.position, f.activity, f.properties::text,
       f.folded::text
FROM unnest(%(numbers)s::bigint[], %(after)s::bigint[]) AS t (customer_no, after)
JOIN activities f
    ON f.customer_no = t.customer_no
    AND f.time > CASE WHEN t.after <= -4611686018427387904 THEN '-infinity'
                      ELSE 'epoch'::timestamptz + t.after * interval '1 microsecond' END
WHERE f.activity = ANY (%(activities)s::text[])
