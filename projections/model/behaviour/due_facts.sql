-- name: page
-- The next facts in a range of times, by time and customer; an index-only scan.
SELECT customer_no, (extract(epoch FROM time) * 1000000)::bigint
FROM activities
WHERE account_id = %(account_id)s AND activity = %(activity)s
  AND (time, customer_no) > ('epoch'::timestamptz + %(after)s::bigint * interval '1 microsecond', %(after_no)s::bigint)
  AND time <= 'epoch'::timestamptz + %(until)s::bigint * interval '1 microsecond'
ORDER BY time, customer_no
LIMIT %(size)s

-- name: page_ahead
SELECT customer_no, (extract(epoch FROM time) * 1000000)::bigint
FROM activities
WHERE account_id = %(account_id)s AND ahead
  AND (time, customer_no) > ('epoch'::timestamptz + %(after)s::bigint * interval '1 microsecond', %(after_no)s::bigint)
  AND time <= 'epoch'::timestamptz + %(until)s::bigint * interval '1 microsecond'
ORDER BY time, customer_no
LIMIT %(size)s

-- name: ranges_with_facts
-- The places of those ranges of times in which there is a fact of their activity; a probe for each.
SELECT t.place
FROM unnest(%(activities)s::text[], %(after)s::bigint[], %(until)s::bigint[])
     WITH ORDINALITY AS t (activity, after, until, place)
CROSS JOIN LATERAL (
    SELECT FROM activities
    WHERE account_id = %(account_id)s AND activity = t.activity
      AND time > 'epoch'::timestamptz + t.after * interval '1 microsecond'
      AND time <= 'epoch'::timestamptz + t.until * interval '1 microsecond'
    LIMIT 1
) AS found

-- name: next_times
-- The first time after each of some times at which there is a fact of an activity; a probe for each.
SELECT t.after, (extract(epoch FROM f.time) * 1000000)::bigint
FROM unnest(%(activities)s::text[], %(after)s::bigint[]) AS t (activity, after)
CROSS JOIN LATERAL (
    SELECT time
    FROM activities
    WHERE account_id = %(account_id)s AND activity = t.activity
      AND time > 'epoch'::timestamptz + t.after * interval '1 microsecond'
    ORDER BY time
    LIMIT 1
) AS f

-- name: next_ahead
SELECT (extract(epoch FROM min(time)) * 1000000)::bigint
FROM activities
WHERE account_id = %(account_id)s AND ahead
  AND time > 'epoch'::timestamptz + %(after)s::bigint * interval '1 microsecond'
