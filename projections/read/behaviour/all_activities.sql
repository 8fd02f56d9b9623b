-- name: facts
-- Facts after a place, one customer after the other: each of them is looked up by key.
SELECT c.customer_no, f.time, f.position, c.customer_id, c.attributes->>'external_id' AS external_id,
       f.activity AS name, f.properties
FROM customers c
JOIN activities f
    ON f.customer_no = c.customer_no AND f.account_id = c.account_id
    AND (%(activity)s::text IS NULL OR f.activity = %(activity)s::text)
    AND (%(first)s::timestamptz IS NULL OR f.time >= %(first)s::timestamptz)
    AND (%(last)s::timestamptz IS NULL OR f.time <= %(last)s::timestamptz)
WHERE c.account_id = %(account_id)s::uuid AND c.customer_no >= %(after_no)s::bigint
  AND (%(time)s::timestamptz IS NULL OR c.customer_no > %(after_no)s::bigint
       OR (f.time, f.position) > (%(time)s::timestamptz, %(position)s::bigint))
ORDER BY c.customer_no, f.time, f.position
LIMIT %(limit)s::int

-- name: page
SELECT customer_no, time, position, customer_id, external_id, name, properties::text
FROM ({facts}) AS t
ORDER BY customer_no, time, position

-- name: lines
-- Lines up to the one that fills a piece, joined to one text; how many they are, and the place of the last one.
SELECT count(*), convert_to(string_agg({line}, '' ORDER BY r.place), 'UTF8'),
       max(r.customer_no), (array_agg(r.time ORDER BY r.place DESC))[1], (array_agg(r.position ORDER BY r.place DESC))[1]
FROM (SELECT t.*, row_number() OVER w AS place,
             sum(octet_length(t.properties::text)) OVER w - octet_length(t.properties::text) AS before
      FROM ({facts}) AS t
      WINDOW w AS (ORDER BY t.customer_no, t.time, t.position ROWS UNBOUNDED PRECEDING)) AS r
WHERE r.before < %(most)s::bigint

-- name: count
SELECT count(*)
FROM activities
WHERE account_id = %(account_id)s::uuid
  AND (%(activity)s::text IS NULL OR activity = %(activity)s::text)
  AND (%(first)s::timestamptz IS NULL OR time >= %(first)s::timestamptz)
  AND (%(last)s::timestamptz IS NULL OR time <= %(last)s::timestamptz)

-- name: kept_days
SELECT kept_days FROM accounts WHERE account_id = %s::uuid
