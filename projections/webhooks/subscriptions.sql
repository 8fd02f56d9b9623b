-- name: lock_account
-- One at a time, or two could pass the limit together.
SELECT pg_advisory_xact_lock(hashtextextended('webhooks of ' || %s::text, 0))

-- name: create
INSERT INTO webhooks (webhook_id, account_id, name, url, segment_ids, campaign_ids, events, fields, created_at,
                      updated_at, change_no, full_send, due_at)
SELECT %(webhook_id)s::uuid, %(account_id)s::uuid, %(name)s::text, %(url)s::text, %(segment_ids)s::uuid[],
       %(campaign_ids)s::uuid[], %(events)s::text[], %(fields)s::text[], %(now)s::timestamptz, %(now)s::timestamptz,
       change_no, CASE WHEN %(full_send)s::boolean THEN 'waiting' END, %(now)s::timestamptz
FROM last_membership_change

-- name: add_secret
-- A request that is repeated, because its answer was lost, adds none.
INSERT INTO webhook_secrets (webhook_id, secret_sha256, account_id, secret)
VALUES (%(webhook_id)s::uuid, sha256(%(secret)s::text::bytea), %(account_id)s::uuid, %(secret)s::text)
ON CONFLICT (webhook_id, secret_sha256) DO NOTHING

-- name: by_id
SELECT webhook_id, account_id, name, url, segment_ids, campaign_ids, events, fields, state, reason, version, created_at,
       updated_at, change_no, full_send, full_send_records, full_send_sent, attempts, failing_since, due_at,
       last_attempt_at, last_success_at
FROM webhooks
WHERE account_id = %s::uuid AND webhook_id = %s::uuid

-- name: page
SELECT webhook_id, account_id, name, url, segment_ids, campaign_ids, events, fields, state, reason, version, created_at,
       updated_at, change_no, full_send, full_send_records, full_send_sent, attempts, failing_since, due_at,
       last_attempt_at, last_success_at
FROM webhooks
WHERE account_id = %(account_id)s::uuid
  AND (%(created_at)s::timestamptz IS NULL
       OR (created_at, webhook_id) < (%(created_at)s::timestamptz, %(webhook_id)s::uuid))
ORDER BY created_at DESC, webhook_id DESC
LIMIT %(limit)s::int

-- name: count
SELECT count(*) FROM webhooks WHERE account_id = %s::uuid

-- name: waiting
-- Blocks are read only until there are more changes than are counted.
SELECT count(*)
FROM (
    SELECT
    FROM membership_change_blocks b
    CROSS JOIN LATERAL unnest(b.change_nos, b.joined) AS t (change_no, joined)
    WHERE b.account_id = %(account_id)s::uuid AND b.batch_no > %(after)s::bigint - 10000
      AND b.last_no > %(after)s::bigint AND t.change_no > %(after)s::bigint
      AND (CASE WHEN t.joined THEN 'joined' ELSE 'left' END) = ANY (%(events)s::text[])
      AND (%(segment_ids)s::uuid[] IS NULL
           OR b.segment_no = ANY (ARRAY(SELECT notification_id
                                        FROM stored_events
                                        WHERE account_id IS NOT DISTINCT FROM %(account_id)s::uuid
                                          AND originator_id = ANY (%(segment_ids)s::uuid[])
                                          AND originator_version = 1)))
    LIMIT %(limit)s::int
) AS waiting

-- name: lock
SELECT FROM webhooks WHERE account_id = %s::uuid AND webhook_id = %s::uuid FOR UPDATE

-- name: edit
-- A webhook that goes on is tried at once. Where something else is to be sent, what is in hand is no longer valid.
UPDATE webhooks
SET name = %(name)s::text, url = %(url)s::text, segment_ids = %(segment_ids)s::uuid[],
    campaign_ids = %(campaign_ids)s::uuid[], events = %(events)s::text[], fields = %(fields)s::text[],
    state = %(state)s::text, reason = %(reason)s::text, version = version + 1, updated_at = %(now)s::timestamptz,
    full_send = CASE WHEN %(full_send)s::boolean THEN 'waiting' ELSE full_send END,
    full_send_records = CASE WHEN %(full_send)s::boolean THEN 0 ELSE full_send_records END,
    full_send_sent = CASE WHEN %(full_send)s::boolean THEN 0 ELSE full_send_sent END,
    epoch = epoch + (%(sends_other)s::boolean OR %(full_send)s::boolean)::int,
    pending_to = CASE WHEN NOT %(sends_other)s::boolean AND NOT %(full_send)s::boolean THEN pending_to END,
    pending_segments = CASE WHEN NOT %(sends_other)s::boolean AND NOT %(full_send)s::boolean THEN pending_segments END,
    attempts = 0, failing_since = NULL, due_at = %(now)s::timestamptz, slow = false
WHERE account_id = %(account_id)s::uuid AND webhook_id = %(webhook_id)s::uuid

-- name: delete
DELETE FROM webhooks WHERE account_id = %s::uuid AND webhook_id = %s::uuid

-- name: drop_former_secrets
DELETE FROM webhook_secrets
WHERE account_id = %(account_id)s::uuid AND webhook_id = %(webhook_id)s::uuid AND expires_at IS NOT NULL
  AND secret_sha256 <> sha256(%(secret)s::text::bytea)
  AND EXISTS (SELECT
              FROM webhook_secrets present
              WHERE present.webhook_id = %(webhook_id)s::uuid AND present.expires_at IS NULL
                AND present.secret_sha256 <> sha256(%(secret)s::text::bytea))

-- name: end_present_secret
UPDATE webhook_secrets
SET expires_at = %(until)s::timestamptz
WHERE account_id = %(account_id)s::uuid AND webhook_id = %(webhook_id)s::uuid AND expires_at IS NULL
  AND secret_sha256 <> sha256(%(secret)s::text::bytea)

-- name: redeliver
-- The first change at or after the position is in the first batch that has one: later batches have greater numbers. What
-- waits is sent again too; where there is no such change, only that.
WITH first AS MATERIALIZED (
    SELECT batch_no
    FROM membership_change_blocks
    WHERE account_id = %(account_id)s::uuid AND position >= %(position)s::bigint
    ORDER BY batch_no
    LIMIT 1
)
UPDATE webhooks
SET change_no = least(change_no, (SELECT min(t.change_no) - 1
                                  FROM membership_change_blocks b
                                  JOIN first USING (batch_no)
                                  CROSS JOIN LATERAL unnest(b.change_nos, b.positions) AS t (change_no, position)
                                  WHERE b.account_id = %(account_id)s::uuid AND t.position >= %(position)s::bigint)),
    epoch = epoch + 1, pending_to = NULL, pending_segments = NULL, attempts = 0, failing_since = NULL,
    due_at = %(now)s::timestamptz, slow = false
WHERE account_id = %(account_id)s::uuid AND webhook_id = %(webhook_id)s::uuid

-- name: ask_for_test
UPDATE webhooks SET test_id = %s::uuid WHERE account_id = %s::uuid AND webhook_id = %s::uuid
