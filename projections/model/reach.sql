-- name: remove
-- What the customers had is kept for the audiences that were frozen since it was last kept. A number that only one other
-- customer has from now on is shared no longer.
WITH gone AS (
    DELETE FROM reach r
    USING unnest(%b::uuid[], %b::bigint[]) AS t (account_id, customer_no)
    WHERE r.account_id = t.account_id AND r.customer_no = t.customer_no
    RETURNING r.account_id, r.customer_no, r.number_key, r.phone, r.shared, r.external_id, r.name
), kept AS (
    INSERT INTO reach_before (account_id, customer_no, audience_no, external_id, phone, name)
    SELECT g.account_id, g.customer_no, a.audience_no, g.external_id, g.phone, g.name
    FROM gone g
    CROSS JOIN LATERAL (SELECT audience_no
                        FROM audiences
                        WHERE account_id = g.account_id
                        ORDER BY audience_no DESC
                        LIMIT 1) AS a
    WHERE g.customer_no < a.audience_no
    ON CONFLICT DO NOTHING
), others AS (
    SELECT o.account_id, o.customer_no, count(*) OVER (PARTITION BY o.account_id, o.number_key, o.phone) AS having_it
    FROM (SELECT DISTINCT account_id, number_key, phone FROM gone WHERE shared) AS n
    JOIN reach o ON o.account_id = n.account_id AND o.number_key = n.number_key AND o.phone = n.phone
    WHERE o.customer_no NOT IN (SELECT customer_no FROM gone)
)
UPDATE reach r
SET shared = false
FROM others o
WHERE o.having_it = 1 AND r.account_id = o.account_id AND r.customer_no = o.customer_no

-- name: insert
-- With the marks of all who have one of these numbers.
WITH written AS MATERIALIZED (
    SELECT t.*, number_key(number_sha256((SELECT secret FROM installation), t.account_id, t.phone)) AS number_key
    FROM unnest(%b::uuid[], %b::bigint[], %b::uuid[], %b::text[], %b::boolean[], %b::text[], %b::text[])
        AS t (account_id, customer_no, customer_id, phone, opted_out, external_id, name)
), marked AS (
    UPDATE reach o
    SET shared = true
    FROM (SELECT DISTINCT account_id, number_key, phone FROM written) AS n
    WHERE o.account_id = n.account_id AND o.number_key = n.number_key AND o.phone = n.phone AND NOT o.shared
)
INSERT INTO reach (account_id, customer_no, customer_id, phone, number_key, opted_out, shared, external_id, name)
SELECT account_id, customer_no, customer_id, phone, number_key, opted_out,
       phone IS NOT NULL
       AND (count(*) OVER (PARTITION BY account_id, number_key, phone) > 1
            OR EXISTS (SELECT
                       FROM reach o
                       WHERE o.account_id = t.account_id AND o.number_key = t.number_key AND o.phone = t.phone)),
       external_id, name
FROM written t
