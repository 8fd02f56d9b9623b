-- name: ask
-- One that was dropped, and is asked again before its rows of the index are removed, begins without them.
WITH days AS (
    DELETE FROM customer_days d USING measures m
    WHERE m.account_id = %(account_id)s AND m.key = %(key)s AND m.dropped
      AND d.account_id = %(account_id)s AND d.key = ANY (%(facets)s::text[])
), instants AS (
    DELETE FROM customer_instants d USING measures m
    WHERE m.account_id = %(account_id)s AND m.key = %(key)s AND m.dropped
      AND d.account_id = %(account_id)s AND d.key = ANY (%(facets)s::text[])
)
INSERT INTO measures (account_id, key, definition, since, filled_to)
VALUES (%(account_id)s, %(key)s, %(definition)s::json, %(since)s, %(filled_to)s)
ON CONFLICT (account_id, key) DO UPDATE
SET definition = excluded.definition, since = excluded.since, filled_to = excluded.filled_to, complete = false,
    dropped = false

-- name: drop
-- The amounts stay in their rows until these are written again; they are not read meanwhile.
UPDATE measures SET dropped = true WHERE account_id = %(account_id)s AND key = ANY (%(keys)s::text[])

-- name: next_dropped
SELECT account_id, key FROM measures WHERE dropped AND shard_of(account_id) = ANY (%(shards)s::int[]) LIMIT 1

-- name: purge
WITH some_days AS (
    SELECT key, day, customer_no FROM customer_days
    WHERE account_id = %(account_id)s AND key = ANY (%(facets)s::text[])
    LIMIT %(size)s
), some_instants AS (
    SELECT key, instant, customer_no FROM customer_instants
    WHERE account_id = %(account_id)s AND key = ANY (%(facets)s::text[])
    LIMIT %(size)s
), days AS (
    DELETE FROM customer_days d USING some_days s
    WHERE d.account_id = %(account_id)s AND d.key = s.key AND d.day = s.day AND d.customer_no = s.customer_no
), instants AS (
    DELETE FROM customer_instants d USING some_instants s
    WHERE d.account_id = %(account_id)s AND d.key = s.key AND d.instant = s.instant AND d.customer_no = s.customer_no
)
SELECT greatest((SELECT count(*) FROM some_days), (SELECT count(*) FROM some_instants))

-- name: purged
DELETE FROM measures WHERE account_id = %(account_id)s AND key = %(key)s AND dropped

-- name: chunk_end
SELECT max(customer_no), count(*)
FROM (
    SELECT customer_no
    FROM customers
    WHERE account_id = %(account_id)s AND customer_no > %(after)s
    ORDER BY customer_no
    LIMIT %(size)s
) AS chunk

-- name: advance
UPDATE measures SET filled_to = %(filled_to)s WHERE account_id = %(account_id)s AND key = ANY (%(keys)s::text[])

-- name: complete
UPDATE measures SET complete = true WHERE account_id = %(account_id)s AND key = %(key)s

-- name: plan_for
-- The worker's session probes by key (projections.postgres.database); a chunk is read whole.
SELECT set_config('enable_hashjoin', %(whole_tables)s, true), set_config('enable_mergejoin', %(whole_tables)s, true),
       set_config('enable_seqscan', %(whole_tables)s, true)

-- name: index_instants
WITH filled AS MATERIALIZED (
    SELECT c.customer_no, ({value})::timestamptz AS value
    FROM customers c {facts}
    WHERE c.account_id = {account} AND c.customer_no > {after} AND c.customer_no <= {last}
      AND c.updated_at <= 'epoch'::timestamptz + {reached} * interval '1 microsecond'
), instants AS (
    INSERT INTO customer_instants (account_id, key, instant, customer_no)
    SELECT {account}, {key} || '@age', (extract(epoch FROM value) * 1000000)::bigint, customer_no
    FROM filled
    WHERE value IS NOT NULL
)
INSERT INTO customer_days (account_id, key, day, customer_no)
SELECT {account}, {key} || '@day', to_char(value AT TIME ZONE {zone}, 'YYYY-MM-DD'), customer_no
FROM filled
WHERE value IS NOT NULL

-- name: index_days
INSERT INTO customer_days (account_id, key, day, customer_no)
SELECT {account}, {key}, {value}, c.customer_no
FROM customers c {facts}
WHERE c.account_id = {account} AND c.customer_no > {after} AND c.customer_no <= {last}
  AND c.updated_at <= 'epoch'::timestamptz + {reached} * interval '1 microsecond'
  AND {value} IS NOT NULL

-- name: touched
SELECT customer_no
FROM customers
WHERE account_id = %(account_id)s AND customer_no > %(after)s AND customer_no <= %(last)s
  AND updated_at > 'epoch'::timestamptz + %(reached)s::bigint * interval '1 microsecond'
