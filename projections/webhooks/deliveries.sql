-- name: add
INSERT INTO webhook_deliveries (webhook_id, account_id, message_id, kind, attempt, records, first_position,
                                last_position, at, duration_ms, status, failure, detail, answer)
SELECT webhook_id, account_id, %(message_id)s::text, %(kind)s::text, %(attempt)s::int, %(records)s::int,
       %(first_position)s::bigint, %(last_position)s::bigint, %(at)s::timestamptz, %(duration_ms)s::int,
       %(status)s::int, %(failure)s::text, %(detail)s::text, %(answer)s::text
FROM webhooks
WHERE account_id = %(account_id)s::uuid AND webhook_id = %(webhook_id)s::uuid
FOR KEY SHARE

-- name: page
SELECT delivery_no, message_id, kind, attempt, records, first_position, last_position, at, duration_ms, status, failure,
       detail, answer
FROM webhook_deliveries
WHERE account_id = %(account_id)s::uuid AND webhook_id = %(webhook_id)s::uuid
  AND (%(before)s::bigint IS NULL OR delivery_no < %(before)s::bigint)
ORDER BY delivery_no DESC
LIMIT %(limit)s::int

-- name: count
SELECT count(*) FROM webhook_deliveries WHERE account_id = %s::uuid AND webhook_id = %s::uuid

-- name: sweep
DELETE FROM webhook_deliveries
WHERE delivery_no IN (SELECT delivery_no
                      FROM (SELECT delivery_no, at FROM webhook_deliveries ORDER BY delivery_no LIMIT %(limit)s::int)
                          AS oldest
                      WHERE at < %(before)s::timestamptz)
