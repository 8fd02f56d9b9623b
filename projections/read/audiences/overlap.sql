-- name: overlap
-- A row for each segment (its bit): recipients, and those through it alone. A row for each two: customers in both.
-- Customers without anything special are only counted, by the set of segments they are in; of the few others, those
-- who share a number are one recipient together.
WITH suppressed AS MATERIALIZED (
    SELECT c.customer_no, c.phone, c.shared
    FROM suppressed_numbers s
    JOIN reach c
        ON c.account_id = %(account_id)s::uuid AND c.number_key = s.number_key
       AND number_sha256((SELECT secret FROM installation), %(account_id)s::uuid, c.phone) = s.number_sha256
    WHERE s.account_id = %(account_id)s::uuid
), special AS MATERIALIZED (
    SELECT customer_no, number, phone IS NOT NULL AND NOT bool_or(opted_out) OVER (PARTITION BY number) AS is_open
    FROM (SELECT customer_no, phone, CASE WHEN shared THEN phone ELSE customer_no::text END AS number, opted_out
          FROM reach
          WHERE account_id = %(account_id)s::uuid AND (opted_out OR phone IS NULL OR shared)
            AND customer_no NOT IN (SELECT customer_no FROM suppressed)
          UNION ALL
          SELECT customer_no, phone, CASE WHEN shared THEN phone ELSE customer_no::text END, true
          FROM suppressed) AS t
), sets AS MATERIALIZED (
    SELECT m.mask, s.number, s.is_open, count(*) AS customers
    FROM (SELECT m.customer_no, bit_or(v.bit) AS mask
          FROM unnest(%(versions)s::bigint[], %(bits)s::bigint[]) AS v (version_no, bit)
          JOIN members m ON m.version_no = v.version_no
          GROUP BY m.customer_no) AS m
    LEFT JOIN special s ON s.customer_no = m.customer_no
    GROUP BY 1, 2, 3
), masks AS MATERIALIZED (
    SELECT mask, sum(customers) AS customers FROM sets GROUP BY mask
), reached AS MATERIALIZED (
    SELECT mask & %(included)s::bigint AS included, mask & ~%(included)s::bigint AS left_out, sum(numbers) AS numbers
    FROM (SELECT mask, customers AS numbers FROM sets WHERE is_open IS NULL
          UNION ALL
          SELECT bit_or(mask), 1 FROM sets WHERE is_open GROUP BY number) AS t
    WHERE mask & %(included)s::bigint <> 0
    GROUP BY 1, 2
), chosen AS (
    SELECT bit, bit & %(included)s::bigint <> 0 AS is_included FROM unnest(%(each)s::bigint[]) AS t (bit)
)
SELECT c.bit, NULL::bigint, sum(r.numbers)::bigint,
       coalesce(sum(r.numbers) FILTER (WHERE c.bit = CASE WHEN c.is_included THEN r.included ELSE r.left_out END),
                0)::bigint
FROM chosen c
JOIN reached r
    ON CASE WHEN c.is_included THEN r.included & c.bit <> 0 AND r.left_out = 0 ELSE r.left_out & c.bit <> 0 END
GROUP BY c.bit
UNION ALL
SELECT a.bit, b.bit, sum(a.customers)::bigint, NULL
FROM (SELECT bit, mask, customers FROM masks JOIN chosen ON mask & bit <> 0 OFFSET 0) AS a
JOIN chosen b ON b.bit > a.bit AND a.mask & b.bit <> 0
GROUP BY a.bit, b.bit
