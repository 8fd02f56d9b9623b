-- name: insert_days
INSERT INTO customer_days (account_id, key, day, customer_no)
SELECT * FROM unnest(%b::uuid[], %b::text[], %b::text[], %b::bigint[])

-- name: delete_days
DELETE FROM customer_days d
USING unnest(%b::uuid[], %b::text[], %b::text[], %b::bigint[]) AS t (account_id, key, day, customer_no)
WHERE d.account_id = t.account_id AND d.key = t.key AND d.day = t.day AND d.customer_no = t.customer_no

-- name: insert_instants
INSERT INTO customer_instants (account_id, key, instant, customer_no)
SELECT * FROM unnest(%b::uuid[], %b::text[], %b::bigint[], %b::bigint[])

-- name: delete_instants
DELETE FROM customer_instants d
USING unnest(%b::uuid[], %b::text[], %b::bigint[], %b::bigint[]) AS t (account_id, key, instant, customer_no)
WHERE d.account_id = t.account_id AND d.key = t.key AND d.instant = t.instant AND d.customer_no = t.customer_no

-- name: candidates
SELECT d.customer_no
FROM unnest(%(day_keys)s::text[], %(first_days)s::text[], %(last_days)s::text[]) AS t (key, first_day, last_day)
JOIN customer_days d
    ON d.account_id = %(account_id)s AND d.key = t.key AND d.day BETWEEN t.first_day AND t.last_day
UNION
SELECT d.customer_no
FROM unnest(%(month_keys)s::text[], %(month_days)s::text[]) AS t (key, month_day)
JOIN customer_days d
    ON d.account_id = %(account_id)s AND d.key = t.key AND substr(d.day, 6) = t.month_day
UNION
SELECT d.customer_no
FROM unnest(%(instant_keys)s::text[], %(after)s::bigint[], %(until)s::bigint[]) AS t (key, after, until)
JOIN customer_instants d
    ON d.account_id = %(account_id)s AND d.key = t.key AND d.instant > t.after AND d.instant <= t.until
ORDER BY customer_no

-- name: any_candidate
SELECT 1
WHERE EXISTS (
    SELECT
    FROM unnest(%(day_keys)s::text[], %(first_days)s::text[], %(last_days)s::text[]) AS t (key, first_day, last_day)
    JOIN customer_days d
        ON d.account_id = %(account_id)s AND d.key = t.key AND d.day BETWEEN t.first_day AND t.last_day
) OR EXISTS (
    SELECT
    FROM unnest(%(month_keys)s::text[], %(month_days)s::text[]) AS t (key, month_day)
    JOIN customer_days d
        ON d.account_id = %(account_id)s AND d.key = t.key AND substr(d.day, 6) = t.month_day
) OR EXISTS (
    SELECT
    FROM unnest(%(instant_keys)s::text[], %(after)s::bigint[], %(until)s::bigint[]) AS t (key, after, until)
    JOIN customer_instants d
        ON d.account_id = %(account_id)s AND d.key = t.key AND d.instant > t.after AND d.instant <= t.until
)

-- name: next_instant
-- One index probe for each age at which a condition flips.
SELECT min(d.instant + t.age)
FROM unnest(%(keys)s::text[], %(ages)s::bigint[]) AS t (key, age)
CROSS JOIN LATERAL (
    SELECT instant
    FROM customer_instants
    WHERE account_id = %(account_id)s AND key = t.key AND instant > %(after)s - t.age
    ORDER BY instant
    LIMIT 1
) AS d
