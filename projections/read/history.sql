-- name: served_versions
-- The versions whose history is that of the segment, and up to which position.
SELECT version_no, coalesce(superseded_by, 9223372036854775807)
FROM segment_versions
WHERE segment_no = %(segment_no)s::bigint AND account_id = %(account_id)s::uuid AND state IN ('serving', 'retired')
ORDER BY version_no

-- name: walk
-- The page lies at one end of an index. Where a segment has just been filled, statistics do not know it yet, and
-- the planner would sort the whole history.
SELECT set_config('enable_sort', 'off', true)

-- name: page
-- The newest of each version, then the newest of those: however long the history is, only a page is read.
SELECT c.customer_id, c.attributes->>'external_id', h.at, h.joined, h.cause, h.position, h.version_no, h.customer_no,
       c.name, c.phone
FROM unnest(%(versions)s::bigint[], %(lasts)s::bigint[]) AS v (version_no, last)
CROSS JOIN LATERAL (
    SELECT h.at, h.joined, h.cause, h.position, h.version_no, h.customer_no
    FROM membership_history h
    WHERE h.version_no = v.version_no AND h.position <= v.last
      AND (%(at)s::timestamptz IS NULL OR h.at <= %(at)s::timestamptz)
      AND (%(at)s::timestamptz IS NULL
           OR (h.at, h.customer_no, h.position, h.version_no)
              < (%(at)s::timestamptz, %(customer_no)s::bigint, %(position)s::bigint, %(version_no)s::bigint))
    ORDER BY h.at DESC, h.customer_no DESC, h.position DESC
    LIMIT %(limit)s::int
) AS h
LEFT JOIN customers c ON c.account_id = %(account_id)s::uuid AND c.customer_no = h.customer_no
ORDER BY h.at DESC, h.customer_no DESC, h.position DESC, h.version_no DESC
LIMIT %(limit)s::int

-- name: count
SELECT count(*)
FROM unnest(%(versions)s::bigint[], %(lasts)s::bigint[]) AS v (version_no, last)
JOIN membership_history h ON h.version_no = v.version_no AND h.position <= v.last

-- name: last_change
-- The latest join or leave of one customer: by the order of the log, within one event by time.
SELECT h.joined, h.at, h.cause, h.position
FROM unnest(%(versions)s::bigint[], %(lasts)s::bigint[]) AS v (version_no, last)
JOIN membership_history h
    ON h.version_no = v.version_no AND h.customer_no = %(customer_no)s::bigint AND h.position <= v.last
ORDER BY h.position DESC, h.at DESC, h.version_no DESC
LIMIT 1

-- name: members_at
-- Customers whose last entry up to then is a join. Newest first, so that the first page reads the recent end only.
SELECT h.customer_no, c.customer_id, c.version, c.created_at, c.updated_at, h.at AS joined_at
FROM unnest(%(versions)s::bigint[], %(lasts)s::bigint[]) AS v (version_no, last)
CROSS JOIN LATERAL (
    SELECT h.customer_no, h.at
    FROM membership_history h
    WHERE h.version_no = v.version_no AND h.position <= v.last AND h.joined AND h.at <= %(at)s::timestamptz
      AND (%(joined_at)s::timestamptz IS NULL OR h.at <= %(joined_at)s::timestamptz)
      AND (%(joined_at)s::timestamptz IS NULL
           OR (h.at, h.customer_no) < (%(joined_at)s::timestamptz, %(customer_no)s::bigint))
      AND NOT EXISTS (
          SELECT
          FROM unnest(%(versions)s::bigint[], %(lasts)s::bigint[]) AS w (version_no, last)
          JOIN membership_history l
              ON l.customer_no = h.customer_no AND l.version_no = w.version_no AND l.position <= w.last
          WHERE l.at <= %(at)s::timestamptz
            AND (l.position, l.at, l.version_no) > (h.position, h.at, h.version_no))
    ORDER BY h.at DESC, h.customer_no DESC
    LIMIT %(limit)s::int
) AS h
LEFT JOIN customers c ON c.account_id = %(account_id)s::uuid AND c.customer_no = h.customer_no
ORDER BY h.at DESC, h.customer_no DESC
LIMIT %(limit)s::int

-- name: sizes
-- Joins minus leaves between one point and the next; the first interval holds everything before it.
SELECT width_bucket(h.at, %(bounds)s::timestamptz[]), sum(CASE WHEN h.joined THEN 1 ELSE -1 END)::bigint
FROM unnest(%(versions)s::bigint[], %(lasts)s::bigint[]) AS v (version_no, last)
JOIN membership_history h ON h.version_no = v.version_no AND h.position <= v.last
WHERE h.at <= %(until)s::timestamptz
GROUP BY 1
ORDER BY 1

-- name: moved_since
-- Joins minus leaves after the first point, by interval; the last interval is open.
SELECT width_bucket(h.at, %(bounds)s::timestamptz[]), sum(CASE WHEN h.joined THEN 1 ELSE -1 END)::bigint
FROM unnest(%(versions)s::bigint[], %(lasts)s::bigint[]) AS v (version_no, last)
JOIN membership_history h ON h.version_no = v.version_no AND h.position <= v.last
WHERE h.at > %(since)s::timestamptz
GROUP BY 1

-- name: edits
-- When a filter was replaced by another one; the first filter is no edit.
SELECT began_at
FROM segment_versions
WHERE segment_no = %(segment_no)s::bigint AND account_id = %(account_id)s::uuid AND state IN ('serving', 'retired')
ORDER BY version_no
OFFSET 1
