-- name: fill
SELECT key, customers, many_values FROM attribute_fill WHERE account_id = %s::uuid

-- name: is_counted
SELECT NOT many_values, least(%(newest)s::bigint, (SELECT customers
                                                   FROM attribute_fill
                                                   WHERE account_id = %(account_id)s::uuid AND key = 'opted_out'))
FROM attribute_fill
WHERE account_id = %(account_id)s::uuid AND key = %(key)s::text

-- name: counted
SELECT value, customers
FROM attribute_values
WHERE account_id = %(account_id)s::uuid AND key = %(key)s::text
ORDER BY customers DESC, value

-- name: newest_values
SELECT t.value, count(*) AS customers
FROM (SELECT attributes->%(key)s::text AS value
      FROM customers
      WHERE account_id = %(account_id)s::uuid
      ORDER BY customer_no DESC
      LIMIT %(newest)s::int) AS c
CROSS JOIN LATERAL jsonb_array_elements_text(CASE jsonb_typeof(c.value)
                                                 WHEN 'array' THEN c.value
                                                 ELSE jsonb_build_array(c.value)
                                             END) AS t (value)
WHERE c.value IS NOT NULL
GROUP BY t.value
ORDER BY customers DESC, t.value COLLATE "C"
LIMIT 1000

-- name: samples
-- Of attributes whose values are counted the most frequent ones, of the others the longest known of few customers.
SELECT k.key, v.value
FROM unnest(%(keys)s::text[]) AS k (key)
JOIN attribute_fill f ON f.account_id = %(account_id)s::uuid AND f.key = k.key AND NOT f.many_values
CROSS JOIN LATERAL (SELECT value
                    FROM attribute_values
                    WHERE account_id = %(account_id)s::uuid AND key = k.key
                    ORDER BY customers DESC, value
                    LIMIT %(most)s::int) AS v
UNION ALL
SELECT m.key, m.value
FROM (SELECT f.key, c.attributes->>f.key AS value,
             row_number() OVER (PARTITION BY f.key ORDER BY c.customer_no DESC) AS place
      FROM (SELECT customer_no, attributes
            FROM customers
            WHERE account_id = %(account_id)s::uuid
            ORDER BY customer_no DESC
            LIMIT %(newest)s::int) AS c
      JOIN attribute_fill f ON f.account_id = %(account_id)s::uuid AND f.key = ANY (%(keys)s::text[])
                           AND f.many_values AND c.attributes ? f.key) AS m
WHERE m.place <= %(most)s::int
