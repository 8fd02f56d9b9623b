-- name: renew
UPDATE webhooks
SET leased_until = clock_timestamp() + %(lease)s::interval
WHERE webhook_id = %(webhook_id)s::uuid AND lease_no = %(lease_no)s::bigint
RETURNING webhook_id, account_id, name, url, segment_ids, campaign_ids, events, fields, state, reason, version,
          created_at, updated_at, change_no, full_send, full_send_records, full_send_sent, attempts, failing_since,
          due_at, last_attempt_at, last_success_at, epoch, pending_to, pending_segments, test_id

-- name: secrets
SELECT secret
FROM webhook_secrets
WHERE webhook_id = %s::uuid AND (expires_at IS NULL OR expires_at > %s::timestamptz)
ORDER BY expires_at DESC NULLS FIRST

-- name: segment_numbers
SELECT notification_id
FROM stored_events
WHERE account_id IS NOT DISTINCT FROM %s::uuid AND originator_id = ANY (%s::uuid[]) AND originator_version = 1

-- name: plan
-- Whole batches, since the changes of a batch stand in several blocks: as many as hold a message's changes. `after` may
-- lie within the first. The message ends with its last change, or, where there are fewer, with all that was looked at.
WITH cut AS MATERIALIZED (
    SELECT batch_no
    FROM membership_change_blocks
    WHERE account_id = %(account_id)s::uuid AND batch_no > %(after)s::bigint - 10000 AND last_no > %(after)s::bigint
    ORDER BY batch_no
    OFFSET %(blocks)s::int
    LIMIT 1
), batches AS MATERIALIZED (
    SELECT batch_no, max(last_no) AS last_no,
           coalesce(sum(cardinality(change_nos))
                        FILTER (WHERE %(segments)s::bigint[] IS NULL OR segment_no = ANY (%(segments)s::bigint[])), 0)
               AS held
    FROM membership_change_blocks
    WHERE account_id = %(account_id)s::uuid AND batch_no > %(after)s::bigint - 10000 AND last_no > %(after)s::bigint
      AND batch_no <= coalesce((SELECT batch_no FROM cut), 2^62)
    GROUP BY batch_no
), summed AS MATERIALIZED (
    SELECT *, sum(held) OVER (ORDER BY batch_no) - held AS before FROM batches
), taken AS MATERIALIZED (
    SELECT * FROM summed WHERE before < %(limit)s::int + 10000
), matching AS MATERIALIZED (
    SELECT t.change_no
    FROM membership_change_blocks b
    JOIN taken USING (batch_no)
    CROSS JOIN LATERAL unnest(b.change_nos, b.joined) AS t (change_no, joined)
    WHERE b.account_id = %(account_id)s::uuid
      AND (%(segments)s::bigint[] IS NULL OR b.segment_no = ANY (%(segments)s::bigint[]))
      AND t.change_no > %(after)s::bigint
      AND (CASE WHEN t.joined THEN 'joined' ELSE 'left' END) = ANY (%(events)s::text[])
    ORDER BY t.change_no
    LIMIT %(limit)s::int
)
SELECT CASE WHEN (SELECT count(*) FROM matching) = %(limit)s::int THEN (SELECT max(change_no) FROM matching)
            WHEN EXISTS (SELECT FROM cut) OR (SELECT count(*) FROM taken) < (SELECT count(*) FROM summed)
                THEN (SELECT max(last_no) FROM taken)
            ELSE greatest(l.change_no, %(after)s::bigint)
       END,
       (SELECT count(*) FROM matching),
       f.change_no > %(after)s::bigint
FROM last_membership_change l
CROSS JOIN forgotten_changes f

-- name: store_plan
UPDATE webhooks
SET change_no = CASE WHEN %(any)s::boolean THEN change_no ELSE %(to)s::bigint END,
    pending_to = CASE WHEN %(any)s::boolean THEN %(to)s::bigint END,
    pending_segments = CASE WHEN %(any)s::boolean THEN %(segments)s::bigint[] END
WHERE webhook_id = %(webhook_id)s::uuid AND lease_no = %(lease_no)s::bigint AND epoch = %(epoch)s::bigint

-- name: pending_changes
SELECT m.change_no, m.account_id, m.segment_no, m.segment_name, m.version_no, m.customer_no, m.position, m.at, m.joined,
       m.cause
FROM membership_changes m
WHERE m.account_id = %(account_id)s::uuid AND m.batch_no > %(after)s::bigint - 10000 AND m.batch_no <= %(to)s::bigint
  AND m.change_no > %(after)s::bigint AND m.change_no <= %(to)s::bigint
  AND (%(segments)s::bigint[] IS NULL OR m.segment_no = ANY (%(segments)s::bigint[]))
  AND (CASE WHEN m.joined THEN 'joined' ELSE 'left' END) = ANY (%(events)s::text[])

-- name: await_switch
-- The switch of a rebuild waits for this lock, and the copy is made after it: one read model.
LOCK TABLE shards IN ACCESS SHARE MODE

-- name: hold
-- It cannot be deleted meanwhile; an edit may come, and then the copy is not used.
SELECT FROM webhooks
WHERE webhook_id = %(webhook_id)s::uuid AND lease_no = %(lease_no)s::bigint AND epoch = %(epoch)s::bigint
FOR KEY SHARE

-- name: drop_snapshot
DELETE FROM webhook_snapshots WHERE webhook_id = %s::uuid

-- name: begin_full_send
-- One statement, so one state: who is a member, and the last change that made them so.
WITH numbered AS (
    SELECT s.account_id, s.segment_no, m.customer_no, m.joined_at, m.position,
           row_number() OVER (PARTITION BY s.segment_no ORDER BY m.customer_no) - 1 AS nth
    FROM segments s
    JOIN members m ON m.version_no = s.serving
    JOIN webhooks w ON w.account_id = s.account_id
    WHERE w.webhook_id = %(webhook_id)s::uuid
      AND (%(segment_ids)s::uuid[] IS NULL OR s.segment_id = ANY (%(segment_ids)s::uuid[]))
), blocks AS (
    SELECT account_id, segment_no, nth / %(size)s::int AS part,
           array_agg(customer_no ORDER BY customer_no) AS customer_nos,
           array_agg(joined_at ORDER BY customer_no) AS instants, array_agg(position ORDER BY customer_no) AS positions
    FROM numbered
    GROUP BY account_id, segment_no, nth / %(size)s::int
), stored AS (
    INSERT INTO webhook_snapshots (webhook_id, block_no, account_id, segment_no, customer_nos, instants, positions)
    SELECT %(webhook_id)s::uuid, row_number() OVER (ORDER BY segment_no, part), account_id, segment_no, customer_nos,
           instants, positions
    FROM blocks
    RETURNING cardinality(customer_nos) AS size
)
UPDATE webhooks
SET full_send = 'sending', full_send_records = (SELECT coalesce(sum(size), 0) FROM stored), full_send_sent = 0,
    change_no = (SELECT change_no FROM last_membership_change), epoch = epoch + 1, pending_to = NULL,
    pending_segments = NULL
WHERE webhook_id = %(webhook_id)s::uuid AND lease_no = %(lease_no)s::bigint AND epoch = %(epoch)s::bigint

-- name: next_block
SELECT block_no FROM webhook_snapshots WHERE webhook_id = %s::uuid ORDER BY block_no LIMIT 1

-- name: members_of_block
-- As changes that made them members, in the order of the block.
SELECT t.nth AS change_no, b.account_id, b.segment_no, NULL AS segment_name, 0 AS version_no, t.customer_no, t.position,
       t.at, true AS joined, 'full_send' AS cause
FROM webhook_snapshots b
CROSS JOIN LATERAL unnest(b.customer_nos, b.positions, b.instants) WITH ORDINALITY AS t (customer_no, position, at, nth)
WHERE b.webhook_id = %(webhook_id)s::uuid AND b.block_no = %(block_no)s::bigint

-- name: end_full_send
UPDATE webhooks
SET full_send = NULL
WHERE webhook_id = %(webhook_id)s::uuid AND lease_no = %(lease_no)s::bigint AND epoch = %(epoch)s::bigint

-- name: accepted
UPDATE webhooks
SET change_no = coalesce(%(to)s::bigint, change_no),
    full_send_sent = full_send_sent + CASE WHEN %(to)s::bigint IS NULL THEN %(records)s::bigint ELSE 0 END,
    pending_to = CASE WHEN pending_to > %(to)s::bigint THEN pending_to END,
    pending_segments = CASE WHEN pending_to > %(to)s::bigint THEN pending_segments END,
    attempts = 0, failing_since = NULL, slow = %(slow)s::boolean,
    due_at = %(now)s::timestamptz, last_attempt_at = %(now)s::timestamptz, last_success_at = %(now)s::timestamptz
WHERE webhook_id = %(webhook_id)s::uuid AND lease_no = %(lease_no)s::bigint AND epoch = %(epoch)s::bigint

-- name: drop_block
DELETE FROM webhook_snapshots
WHERE webhook_id = %(webhook_id)s::uuid AND block_no = %(block_no)s::bigint
  AND cardinality(customer_nos) <= %(count)s::int

-- name: drop_members
-- Those of a block that were sent; none where the block is gone.
UPDATE webhook_snapshots
SET customer_nos = customer_nos[%(count)s::int + 1:], instants = instants[%(count)s::int + 1:],
    positions = positions[%(count)s::int + 1:]
WHERE webhook_id = %(webhook_id)s::uuid AND block_no = %(block_no)s::bigint

-- name: failed
UPDATE webhooks
SET attempts = attempts + 1, failing_since = coalesce(failing_since, %(now)s::timestamptz), slow = true,
    due_at = %(due_at)s::timestamptz, last_attempt_at = %(now)s::timestamptz
WHERE webhook_id = %(webhook_id)s::uuid AND lease_no = %(lease_no)s::bigint AND epoch = %(epoch)s::bigint

-- name: pause
UPDATE webhooks
SET state = 'paused', reason = %(reason)s::text, version = version + 1, updated_at = %(now)s::timestamptz
WHERE webhook_id = %(webhook_id)s::uuid AND lease_no = %(lease_no)s::bigint AND epoch = %(epoch)s::bigint
  AND state = 'active'

-- name: test_is_done
-- Another one may have been asked for meanwhile.
UPDATE webhooks SET test_id = NULL WHERE webhook_id = %s::uuid AND test_id = %s::uuid
