-- name: plan_for
-- The worker's session probes by key (projections.postgres.database); two versions are compared whole.
SELECT set_config('enable_hashjoin', %(whole_tables)s, true), set_config('enable_mergejoin', %(whole_tables)s, true),
       set_config('enable_seqscan', %(whole_tables)s, true)

-- name: append
-- `changes` are numbered from 1 in `nth`.
WITH changes AS MATERIALIZED (
    {changes}
), numbers AS (
    UPDATE last_membership_change
    SET change_no = change_no + (SELECT count(*) FROM changes)
    WHERE EXISTS (SELECT FROM changes)
    RETURNING change_no - (SELECT count(*) FROM changes) AS used
)
INSERT INTO membership_change_blocks (batch_no, version_no, segment_no, account_id, last_no, position, at, change_nos,
                                      customer_nos, positions, instants, joined, causes, segment_name)
SELECT n.used + 1 + (c.nth - 1) / 10000 * 10000, c.version_no, c.segment_no, c.account_id, max(n.used + c.nth),
       max(c.position), max(c.at), array_agg(n.used + c.nth ORDER BY c.nth), array_agg(c.customer_no ORDER BY c.nth),
       array_agg(c.position ORDER BY c.nth), array_agg(c.at ORDER BY c.nth), array_agg(c.joined ORDER BY c.nth),
       array_agg(c.cause ORDER BY c.nth),
       (SELECT name FROM segments WHERE account_id = c.account_id AND segment_no = c.segment_no)
FROM changes c
CROSS JOIN numbers n
GROUP BY n.used, (c.nth - 1) / 10000, c.version_no, c.segment_no, c.account_id

-- name: changes_of_flips
-- Of served versions only: what another version changes is appended when it is switched to. Each is looked up by key,
-- whatever statistics say of how many are served.
    SELECT t.account_id, v.segment_no, t.version_no, t.customer_no, t.position,
           'epoch'::timestamptz + t.at * interval '1 microsecond' AS at, t.joined, t.cause,
           row_number() OVER (ORDER BY t.position, t.at, t.customer_no, t.version_no) AS nth
    FROM unnest(%b::bigint[], %b::bigint[], %b::bigint[], %b::bigint[], %b::boolean[], %b::text[], %b::uuid[])
        AS t (customer_no, version_no, position, at, joined, cause, account_id)
    CROSS JOIN LATERAL (SELECT segment_no
                        FROM segment_versions
                        WHERE version_no = t.version_no AND state = 'serving'
                        OFFSET 0) AS v

-- name: changes_of_switch
-- None where the version was cancelled before it was served. A leave carries the instant of the edit.
    SELECT v.account_id, v.segment_no, v.version_no, d.customer_no, %(position)s::bigint AS position,
           coalesce(d.joined_at, v.began_at) AS at, d.joined_at IS NOT NULL AS joined, 'edit' AS cause,
           row_number() OVER (ORDER BY d.customer_no) AS nth
    FROM segment_versions v
    CROSS JOIN LATERAL (
        SELECT coalesce(n.customer_no, o.customer_no) AS customer_no, n.joined_at
        FROM (SELECT customer_no, joined_at FROM members WHERE version_no = v.version_no) AS n
        FULL JOIN (SELECT customer_no FROM members WHERE version_no = v.previous) AS o USING (customer_no)
        WHERE n.customer_no IS NULL OR o.customer_no IS NULL
    ) AS d
    WHERE v.version_no = %(version_no)s AND v.state = 'serving'

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
