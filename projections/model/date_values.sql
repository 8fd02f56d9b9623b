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

-- name: years
-- One index probe for each year.
WITH RECURSIVE found AS (
    SELECT min(substr(day, 1, 4)) AS year
    FROM (SELECT day FROM customer_days WHERE account_id = %(account_id)s AND key = %(key)s ORDER BY day LIMIT 1) AS d
    UNION ALL
    SELECT (SELECT substr(d.day, 1, 4)
            FROM customer_days d
            WHERE d.account_id = %(account_id)s AND d.key = %(key)s AND d.day > (f.year || '-99') COLLATE "C"
            ORDER BY d.day
            LIMIT 1)
    FROM found f
    WHERE f.year IS NOT NULL
)
SELECT year FROM found WHERE year IS NOT NULL

-- name: due_among
SELECT t.place, d.customer_no
FROM unnest(%(places)b::bigint[], %(day_keys)b::text[], %(days)b::text[]) AS t (place, key, day)
JOIN customer_days d
    ON d.account_id = %(account_id)s AND d.key = t.key AND d.day = t.day
    AND d.customer_no > %(after_no)s::bigint AND d.customer_no <= %(last_no)s::bigint
UNION ALL
SELECT -1, d.customer_no
FROM unnest(%(instant_keys)b::text[], %(after)b::bigint[], %(until)b::bigint[]) AS t (key, after, until)
JOIN customer_instants d
    ON d.account_id = %(account_id)s AND d.key = t.key AND d.instant > t.after AND d.instant <= t.until
    AND d.customer_no > %(after_no)s::bigint AND d.customer_no <= %(last_no)s::bigint
LIMIT %(limit)s::int

-- name: first_due
SELECT min(d.customer_no)
FROM unnest(%(day_keys)b::text[], %(days)b::text[]) AS t (key, day)
CROSS JOIN LATERAL (
    SELECT customer_no
    FROM customer_days
    WHERE account_id = %(account_id)s AND key = t.key AND day = t.day AND customer_no > %(after_no)s::bigint
    ORDER BY customer_no
    LIMIT 1
) AS d

-- name: any_due
SELECT 1
WHERE EXISTS (
    SELECT
    FROM unnest(%(day_keys)b::text[], %(days)b::text[]) AS t (key, day)
    JOIN customer_days d ON d.account_id = %(account_id)s AND d.key = t.key AND d.day = t.day
) OR EXISTS (
    SELECT
    FROM unnest(%(instant_keys)b::text[], %(after)b::bigint[], %(until)b::bigint[]) AS t (key, after, until)
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
