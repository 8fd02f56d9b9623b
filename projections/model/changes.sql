-- name: plan_for
-- The worker's session probes by key (projections.postgres.database); two versions are compared whole.
SELECT set_config('enable_hashjoin', %(whole_tables)s, true), set_config('enable_mergejoin', %(whole_tables)s, true),
       set_config('enable_seqscan', %(whole_tables)s, true)

-- name: append
-- Parts of a statement. `changes` are numbered from 1 in `nth`.
changes AS MATERIALIZED (
    {changes}
), numbers AS (
    UPDATE last_membership_change
    SET change_no = change_no + (SELECT count(*) FROM changes)
    WHERE EXISTS (SELECT FROM changes)
    RETURNING change_no - (SELECT count(*) FROM changes) AS used
), blocks AS (
    INSERT INTO membership_change_blocks (batch_no, version_no, segment_no, account_id, last_no, position, at,
                                          change_nos, customer_nos, positions, instants, joined, causes, segment_name)
    SELECT n.used + 1 + (c.nth - 1) / 10000 * 10000, c.version_no, c.segment_no, c.account_id, max(n.used + c.nth),
           max(c.position), max(c.at), array_agg(n.used + c.nth ORDER BY c.nth), array_agg(c.customer_no ORDER BY c.nth),
           array_agg(c.position ORDER BY c.nth), array_agg(c.at ORDER BY c.nth), array_agg(c.joined ORDER BY c.nth),
           array_agg(c.cause ORDER BY c.nth),
           (SELECT name FROM segments WHERE account_id = c.account_id AND segment_no = c.segment_no)
    FROM changes c
    CROSS JOIN numbers n
    GROUP BY n.used, (c.nth - 1) / 10000, c.version_no, c.segment_no, c.account_id
)

-- name: flips_in_arrays
(SELECT customer_no, version_no, position, 'epoch'::timestamptz + at * interval '1 microsecond' AS at, joined, cause,
        account_id
 FROM unnest(%b::bigint[], %b::bigint[], %b::bigint[], %b::bigint[], %b::boolean[], %b::text[], %b::uuid[])
     AS t (customer_no, version_no, position, at, joined, cause, account_id))

-- name: changes_of_flips
-- Of served versions only: what another version changes is appended when it is switched to. Each is looked up by key,
-- whatever statistics say of how many are served.
    SELECT t.account_id, v.segment_no, t.version_no, t.customer_no, t.position,
           t.at, t.joined, t.cause, row_number() OVER (ORDER BY t.position, t.at, t.customer_no, t.version_no) AS nth
    FROM {flips} AS t
    CROSS JOIN LATERAL (SELECT segment_no
                        FROM segment_versions
                        WHERE version_no = t.version_no AND state = 'serving'
                        OFFSET 0) AS v

-- name: changes_of_flips_in_switch
-- The same while steps of switches are left: before the first flip of a customer whose step is to come, what the switch
-- changed for them.
    WITH flips AS MATERIALIZED (
        {changes_of_flips}
    ), first AS (
        SELECT DISTINCT ON (f.version_no, f.customer_no) f.*, s.previous, s.position AS switched
        FROM flips f
        JOIN switches_to_append s ON s.version_no = f.version_no AND s.appended_to < f.customer_no
        WHERE NOT EXISTS (SELECT FROM switched_customers k
                          WHERE k.version_no = f.version_no AND k.customer_no = f.customer_no)
        ORDER BY f.version_no, f.customer_no, f.nth
    ), moved AS (
        SELECT f.*, v.began_at,
               (SELECT h.at
                FROM membership_history h
                WHERE h.customer_no = f.customer_no AND h.version_no = f.version_no AND h.position < f.position
                ORDER BY h.position DESC, h.at DESC
                LIMIT 1) AS joined_at
        FROM first f
        JOIN segment_versions v USING (version_no)
        WHERE joined = EXISTS (SELECT FROM members m WHERE m.version_no = f.previous AND m.customer_no = f.customer_no)
    )
    SELECT *, row_number() OVER (ORDER BY position, at, customer_no, version_no) AS nth
    FROM (SELECT account_id, segment_no, version_no, customer_no, position, at, joined, cause
          FROM flips
          UNION ALL
          SELECT account_id, segment_no, version_no, customer_no, switched,
                 CASE WHEN joined THEN began_at ELSE coalesce(joined_at, began_at) END, NOT joined, 'edit'
          FROM moved) AS t

-- name: keep_switched
INSERT INTO switched_customers (version_no, customer_no)
SELECT DISTINCT t.version_no, t.customer_no
FROM {flips} AS t
JOIN switches_to_append s ON s.version_no = t.version_no AND s.appended_to < t.customer_no
ON CONFLICT DO NOTHING

-- name: begin_switch
-- Nothing where the version was cancelled before it was served.
INSERT INTO switches_to_append (version_no, previous, account_id, segment_no, position)
SELECT version_no, previous, account_id, segment_no, %(position)s::bigint
FROM segment_versions
WHERE version_no = %(version_no)s AND state = 'serving'
ON CONFLICT (version_no) DO NOTHING
RETURNING account_id, previous

-- name: next_step
-- The customers of the next step are those up to the last of as many members of either version as it may have; all that
-- are left, where both have fewer.
SELECT s.appended_to,
       least((SELECT customer_no FROM members
              WHERE version_no = s.version_no AND customer_no > s.appended_to
              ORDER BY customer_no OFFSET %(size)s::int - 1 LIMIT 1),
             (SELECT customer_no FROM members
              WHERE version_no = s.previous AND customer_no > s.appended_to
              ORDER BY customer_no OFFSET %(size)s::int - 1 LIMIT 1))
FROM switches_to_append s
WHERE s.version_no = %(version_no)s

-- name: move_switch
UPDATE switches_to_append SET appended_to = %(last)s WHERE version_no = %(version_no)s

-- name: end_switch
DELETE FROM switches_to_append WHERE version_no = %(version_no)s

-- name: switches_of
SELECT version_no, account_id
FROM switches_to_append
WHERE shard_of(account_id) = ANY (%s::int[])
ORDER BY version_no

-- name: serving
SELECT serving FROM segments WHERE segment_id = %s::uuid

-- name: changes_of_switch
-- Of the customers of one step, but those who were appended before it. A leave carries the instant of the edit.
    SELECT s.account_id, s.segment_no, s.version_no, d.customer_no, s.position,
           coalesce(d.joined_at, v.began_at) AS at, d.joined_at IS NOT NULL AS joined, 'edit' AS cause,
           row_number() OVER (ORDER BY d.customer_no) AS nth
    FROM switches_to_append s
    JOIN segment_versions v USING (version_no)
    CROSS JOIN LATERAL (
        SELECT coalesce(n.customer_no, o.customer_no) AS customer_no, n.joined_at
        FROM (SELECT customer_no, joined_at FROM members
              WHERE version_no = s.version_no AND customer_no > %(after)s AND customer_no <= %(last)s) AS n
        FULL JOIN (SELECT customer_no FROM members
                   WHERE version_no = s.previous AND customer_no > %(after)s AND customer_no <= %(last)s) AS o
            USING (customer_no)
        WHERE n.customer_no IS NULL OR o.customer_no IS NULL
    ) AS d
    WHERE s.version_no = %(version_no)s
      AND NOT EXISTS (SELECT FROM switched_customers k
                      WHERE k.version_no = s.version_no AND k.customer_no = d.customer_no)

-- name: changes_of_deletion
-- While the segment is there still.
    SELECT v.account_id, v.segment_no, v.version_no, m.customer_no, %(position)s::bigint AS position,
           'epoch'::timestamptz + %(at)s::bigint * interval '1 microsecond' AS at, false AS joined,
           'segment_deleted' AS cause, row_number() OVER (ORDER BY m.customer_no) AS nth
    FROM segments s
    JOIN segment_versions v ON v.version_no = s.serving
    JOIN members m ON m.version_no = v.version_no
    WHERE s.segment_id = %(segment_id)s

-- name: forget
-- Whole batches, from the oldest on, up to the first that is not old enough; `position` is the latest of all removed.
WITH next AS MATERIALIZED (
    SELECT batch_no, max(last_no) AS last_no, max(position) AS position, max(at) >= %(before)s::timestamptz AS kept
    FROM membership_change_blocks
    WHERE batch_no > (SELECT change_no FROM forgotten_changes)
      AND batch_no <= coalesce((SELECT batch_no
                                FROM membership_change_blocks
                                WHERE batch_no > (SELECT change_no FROM forgotten_changes)
                                ORDER BY batch_no
                                OFFSET %(limit)s::int
                                LIMIT 1), 2^62)
    GROUP BY batch_no
), old AS MATERIALIZED (
    SELECT batch_no, last_no, position
    FROM next
    WHERE batch_no < coalesce((SELECT min(batch_no) FROM next WHERE kept), 2^62)
      AND (NOT %(published_only)s::boolean OR last_no <= (SELECT change_no FROM published_changes))
      AND last_no <= coalesce((SELECT change_no FROM member_topics WHERE topic = %(topic)s::text), 2^62)
), gone AS (
    DELETE FROM membership_change_blocks b USING old o WHERE b.batch_no = o.batch_no
)
UPDATE forgotten_changes f
SET change_no = t.change_no, position = greatest(f.position, t.position)
FROM (SELECT max(last_no) AS change_no, max(position) AS position FROM old) AS t
WHERE t.change_no IS NOT NULL
