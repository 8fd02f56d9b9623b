-- name: values
-- The newest customers stand for all: their facts are found by customer, without an index on activities.
WITH facts AS MATERIALIZED (
    SELECT f.properties->%(key)s::text AS value
    FROM (SELECT customer_no
          FROM customers
          WHERE account_id = %(account_id)s::uuid
          ORDER BY customer_no DESC
          LIMIT %(newest)s::int) AS c
    JOIN activities f ON f.customer_no = c.customer_no
    WHERE f.account_id = %(account_id)s::uuid AND f.activity = %(activity)s::text AND f.properties ? %(key)s::text
    LIMIT %(most)s::int
)
SELECT t.value, count(*) AS facts, (SELECT count(*) FROM facts)
FROM facts
CROSS JOIN LATERAL jsonb_array_elements_text(CASE jsonb_typeof(facts.value)
                                                 WHEN 'array' THEN facts.value
                                                 ELSE jsonb_build_array(facts.value)
                                             END) AS t (value)
GROUP BY t.value
ORDER BY facts DESC, t.value COLLATE "C"
LIMIT 1000
