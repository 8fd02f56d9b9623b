-- name: json_text
coalesce(to_json({value})::text, 'null')

-- name: json_plain
coalesce('"' || {value} || '"', 'null')

-- name: json_flag
coalesce({value}::text, 'null')

-- name: json_instant
-- As other answers have it: with microseconds only where there are some.
coalesce('"' || replace(to_char({value} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), '.000000Z', 'Z') || '"',
         'null')

-- name: json_value
coalesce(({value})::text, 'null')

-- name: csv_text
coalesce('"' || replace({value}, '"', '""') || '"', '')

-- name: csv_plain
coalesce({value}::text, '')

-- name: csv_instant
coalesce(replace(to_char({value} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), '.000000Z', 'Z'), '')

-- name: csv_value
coalesce('"' || replace(({value}) #>> '{{}}', '"', '""') || '"', '')

-- name: attribute
r.attributes->{key}

-- name: attributes
r.attributes - {built_in}::text[]

-- name: tags
CASE WHEN r.attributes IS NOT NULL THEN coalesce(r.attributes->'tags', '[]') END

-- name: numbers
-- Of the customers in a list, oldest first.
SELECT customer_no, NULL::timestamptz
FROM customers
WHERE account_id = %(account_id)s::uuid
ORDER BY customer_no

-- name: numbers_found
SELECT customer_no, NULL::timestamptz
FROM rollcall.customers_found(%(words)s::tsquery || %(phones)s::tsquery, NULL, NULL) AS found (customer_no)
ORDER BY customer_no

-- name: members
SELECT customer_no, joined_at
FROM members
WHERE version_no = %(version_no)s::bigint AND account_id = %(account_id)s::uuid
ORDER BY customer_no

-- name: members_found
SELECT m.customer_no, m.joined_at
FROM rollcall.customers_found(%(words)s::tsquery || %(phones)s::tsquery, NULL, NULL) AS found (customer_no)
JOIN members m ON m.version_no = %(version_no)s::bigint AND m.customer_no = found.customer_no
ORDER BY m.customer_no

-- name: members_at
-- Those whose last join or leave up to then, by the order of the log and within one event by time, is a join.
SELECT customer_no, at
FROM (SELECT DISTINCT ON (h.customer_no) h.customer_no, h.at, h.joined
      FROM unnest(%(versions)s::bigint[], %(lasts)s::bigint[]) AS v (version_no, last)
      JOIN membership_history h ON h.version_no = v.version_no AND h.position <= v.last
      WHERE h.at <= %(at)s::timestamptz
      ORDER BY h.customer_no, h.position DESC, h.at DESC, h.version_no DESC) AS last_entry
WHERE joined
ORDER BY customer_no

-- name: of_customers
-- Lines of some customers in order, up to the one that fills a piece, joined to one text; and how many they are. Each is
-- looked up by key; of an erased one nothing is left.
SELECT count(*), convert_to(string_agg({line}, '' ORDER BY r.place), 'UTF8')
FROM (SELECT t.place, t.joined_at, c.*, sum(c.size) OVER (ORDER BY t.place) - c.size AS before
      FROM unnest(%(numbers)s::bigint[], %(joins)s::timestamptz[]) WITH ORDINALITY AS t (customer_no, joined_at, place)
      LEFT JOIN LATERAL (SELECT customer_id, attributes->>'external_id' AS external_id, phone, name, opted_out,
                                {values}, created_at, updated_at,
                                CASE WHEN pg_column_compression(attributes) IS NULL THEN pg_column_size(attributes)
                                     ELSE octet_length(attributes::text) END AS size
                         FROM customers
                         WHERE account_id = %(account_id)s::uuid AND customer_no = t.customer_no
                         OFFSET 0) AS c ON true) AS r
WHERE coalesce(r.before, 0) < %(most)s::bigint
