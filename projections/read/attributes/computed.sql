-- name: served
-- What is shown of the computed attributes with some keys, or of all, and how far time has passed.
SELECT c.key, c.value, c.facts, c.after::text, c.until::text, c.longest::text, a.time_passed_to::text
FROM computed_attributes c
JOIN accounts a USING (account_id)
WHERE c.account_id = %(account_id)s::uuid AND c.serving IS NOT NULL
  AND (%(needs_all)s::boolean OR c.key = ANY (%(keys)s::text[]))
ORDER BY c.key

-- name: value
(SELECT {value}
 FROM activities f
 WHERE f.customer_no = {row}.customer_no AND {facts}
   AND f.time > greatest({after}::timestamptz, greatest({passed_to}::timestamptz, {row}.updated_at) - {longest}::interval)
   AND f.time <= least({until}::timestamptz, greatest({passed_to}::timestamptz, {row}.updated_at)))

-- name: stored
{row}.attributes

-- name: with_computed
{row}.attributes || {computed} AS attributes
