-- name: begin
-- Before any member is read: what changes from here on follows. A topic that was made anew holds nothing.
INSERT INTO member_topics AS m (topic, topic_id, change_no)
SELECT %(topic)s, %(topic_id)s::uuid, change_no FROM last_membership_change
ON CONFLICT (topic) DO UPDATE
SET topic_id = excluded.topic_id, change_no = excluded.change_no, segment_no = 0, customer_no = 0, filled = false
WHERE m.topic_id <> excluded.topic_id

-- name: reached
SELECT m.change_no, m.segment_no, m.customer_no, m.filled, f.change_no
FROM member_topics m
CROSS JOIN forgotten_changes f
WHERE m.topic = %(topic)s
FOR UPDATE OF m SKIP LOCKED

-- name: segment_from
-- The first segment with members to read, from one on.
SELECT segment_no, serving, account_id, segment_id, name
FROM segments
WHERE segment_no >= %(segment_no)s::bigint AND serving IS NOT NULL
ORDER BY segment_no
LIMIT 1

-- name: members
-- As changes `t` for `changes.shown`: each as the join in the history that it is from.
SELECT %(change_no)s::bigint AS change_no, m.account_id, %(segment_no)s::bigint AS segment_no,
       %(name)s::text AS segment_name, coalesce(h.version_no, m.version_no) AS version_no, m.customer_no, m.position,
       m.joined_at AS at, true AS joined, coalesce(h.cause, 'edit') AS cause
FROM members m
LEFT JOIN LATERAL (SELECT version_no, cause
                   FROM membership_history
                   WHERE customer_no = m.customer_no AND position = m.position AND at = m.joined_at AND joined
                     AND account_id = m.account_id
                   ORDER BY version_no = m.version_no DESC
                   LIMIT 1) AS h ON true
WHERE m.version_no = %(version_no)s::bigint AND m.customer_no > %(customer_no)s::bigint
ORDER BY m.customer_no
LIMIT %(limit)s::int

-- name: move_fill
UPDATE member_topics
SET segment_no = %(segment_no)s, customer_no = %(customer_no)s, filled = %(filled)s
WHERE topic = %(topic)s

-- name: move_on
UPDATE member_topics SET change_no = %(change_no)s WHERE topic = %(topic)s
