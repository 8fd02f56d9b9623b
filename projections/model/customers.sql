-- name: load
SELECT account_id, customer_no, customer_id, position, version,
       (extract(epoch FROM updated_at) * 1000000)::bigint, attributes::text, folded::text
FROM customers
WHERE customer_id = ANY (%b::uuid[])

-- name: load_numbers
SELECT account_id, customer_no, customer_id, position, version,
       (extract(epoch FROM updated_at) * 1000000)::bigint, attributes::text, folded::text
FROM customers
WHERE account_id = %s AND customer_no = ANY (%b::bigint[])

-- name: load_since
SELECT account_id, customer_no, customer_id, position, version,
       (extract(epoch FROM updated_at) * 1000000)::bigint, attributes::text, folded::text
FROM customers
WHERE account_id = %s AND updated_at > 'epoch'::timestamptz + %s::bigint * interval '1 microsecond'

-- name: insert
INSERT INTO customers (account_id, customer_no, position, version, updated_at, attributes, folded, phone, name,
                       opted_out, search, customer_id, created_at)
SELECT account_id, customer_no, position, version, 'epoch'::timestamptz + updated * interval '1 microsecond',
       attributes::jsonb, folded::jsonb, phone, name, opted_out,
       array_to_tsvector(string_to_array(search, ' ')),
       customer_id, 'epoch'::timestamptz + created * interval '1 microsecond'
FROM unnest(%b::uuid[], %b::bigint[], %b::bigint[], %b::bigint[], %b::bigint[], %b::text[], %b::text[],
            %b::text[], %b::text[], %b::boolean[], %b::text[], %b::uuid[], %b::bigint[])
    AS t (account_id, customer_no, position, version, updated, attributes, folded, phone, name, opted_out, search,
          customer_id, created)

-- name: update
-- Leaves texts, lists and opt-out alone: no index changes, so the row is updated within its page.
UPDATE customers c
SET position = t.position, version = t.version,
    updated_at = 'epoch'::timestamptz + t.updated * interval '1 microsecond',
    attributes = t.attributes::jsonb, folded = t.folded::jsonb
FROM unnest(%b::uuid[], %b::bigint[], %b::bigint[], %b::bigint[], %b::bigint[], %b::text[], %b::text[])
    AS t (account_id, customer_no, position, version, updated, attributes, folded)
WHERE c.account_id = t.account_id AND c.customer_no = t.customer_no

-- name: touch
-- What customers do changes none of their values.
UPDATE customers c
SET position = t.position, updated_at = 'epoch'::timestamptz + t.updated * interval '1 microsecond'
FROM unnest(%b::uuid[], %b::bigint[], %b::bigint[], %b::bigint[]) AS t (account_id, customer_no, position, updated)
WHERE c.account_id = t.account_id AND c.customer_no = t.customer_no

-- name: update_with_words
UPDATE customers c
SET position = t.position, version = t.version,
    updated_at = 'epoch'::timestamptz + t.updated * interval '1 microsecond',
    attributes = t.attributes::jsonb, folded = t.folded::jsonb, phone = t.phone, name = t.name,
    opted_out = t.opted_out,
    search = array_to_tsvector(string_to_array(t.search, ' '))
FROM unnest(%b::uuid[], %b::bigint[], %b::bigint[], %b::bigint[], %b::bigint[], %b::text[], %b::text[],
            %b::text[], %b::text[], %b::boolean[], %b::text[])
    AS t (account_id, customer_no, position, version, updated, attributes, folded, phone, name, opted_out, search)
WHERE c.account_id = t.account_id AND c.customer_no = t.customer_no

-- name: delete
DELETE FROM customers c
USING unnest(%b::uuid[], %b::bigint[]) AS t (account_id, customer_no)
WHERE c.account_id = t.account_id AND c.customer_no = t.customer_no

-- name: forget_opt_outs
DELETE FROM opt_out_days d
USING unnest(%b::uuid[], %b::bigint[]) AS t (account_id, customer_no)
WHERE d.account_id = t.account_id AND d.customer_no = t.customer_no

-- name: count_opt_outs
INSERT INTO opt_out_days AS d (account_id, customer_no, day, opt_outs, opt_ins)
SELECT t.account_id, t.customer_no,
       (('epoch'::timestamptz + t.at * interval '1 microsecond') AT TIME ZONE a.timezone)::date,
       sum(t.opt_outs), sum(t.opt_ins)
FROM unnest(%b::uuid[], %b::bigint[], %b::bigint[], %b::bigint[], %b::bigint[])
    AS t (account_id, customer_no, at, opt_outs, opt_ins)
JOIN accounts a ON a.account_id = t.account_id
GROUP BY 1, 2, 3
ON CONFLICT (account_id, customer_no, day) DO UPDATE
SET opt_outs = d.opt_outs + excluded.opt_outs, opt_ins = d.opt_ins + excluded.opt_ins
