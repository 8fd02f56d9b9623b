-- name: entries
-- The newest changes of the customer's own stream, and of the events that made them join or leave; whichever is newer.
-- What they did is not among them: `facts` has it, by its own time. Before the event that created them, the stream is that of an erased customer who had the same id.
WITH customer AS MATERIALIZED (
    SELECT customer_no FROM customers WHERE customer_id = %(customer_id)s::uuid AND account_id = %(account_id)s::uuid
), positions AS (
    (SELECT e.notification_id AS position
     FROM customer c
     JOIN stored_events e ON e.originator_id = %(customer_id)s::uuid AND e.notification_id >= c.customer_no
     WHERE e.account_id = %(account_id)s::uuid AND e.topic <> 'rollcall.activity.recorded'
       AND (%(before)s::bigint IS NULL OR e.notification_id < %(before)s::bigint)
     ORDER BY e.originator_version DESC
     LIMIT %(limit)s::int)
    UNION
    (SELECT h.position
     FROM customer c
     JOIN membership_history h ON h.customer_no = c.customer_no
     JOIN segment_versions v ON v.version_no = h.version_no AND v.state IN ('serving', 'retired')
         AND h.position <= coalesce(v.superseded_by, h.position)
     JOIN segments s ON s.account_id = %(account_id)s::uuid AND s.segment_no = v.segment_no
     JOIN stored_events e ON e.notification_id = h.position AND e.account_id = %(account_id)s::uuid
         AND NOT (e.topic = 'rollcall.activity.recorded' AND e.originator_id = %(customer_id)s::uuid)
     WHERE %(before)s::bigint IS NULL OR h.position < %(before)s::bigint
     GROUP BY h.position
     ORDER BY h.position DESC
     LIMIT %(limit)s::int)
)
SELECT e.notification_id, 'epoch'::timestamptz + e.effective_at * interval '1 microsecond', e.topic,
       CASE WHEN e.originator_id = %(customer_id)s::uuid THEN s.state->>'values' END,
       e.originator_id = %(customer_id)s::uuid AND coalesce((s.state->>'created')::boolean, false),
       coalesce(s.state->>'source', s.state->>'copied_from'), s.state->>'change_id', s.state->>'via', s.state->>'by'
FROM (SELECT position FROM positions ORDER BY position DESC LIMIT %(limit)s::int) AS p
JOIN stored_events e ON e.notification_id = p.position AND e.account_id = %(account_id)s::uuid
CROSS JOIN LATERAL (SELECT convert_from(e.state, 'UTF8')::jsonb AS state OFFSET 0) AS s
ORDER BY e.notification_id DESC

-- name: facts
-- The newest of what the customer did. Where the log's older parts have been set aside, a fact stays without its origin.
SELECT f.position, f.time, f.activity, f.properties::text, s.state->>'source', s.state->>'activity_id', s.state->>'via'
FROM (SELECT a.*
      FROM customers c
      JOIN activities a ON a.customer_no = c.customer_no
      WHERE c.customer_id = %(customer_id)s::uuid AND c.account_id = %(account_id)s::uuid
        AND (%(time)s::timestamptz IS NULL OR (a.time, a.position) < (%(time)s::timestamptz, %(fact)s::bigint))
      ORDER BY a.time DESC, a.position DESC
      LIMIT %(limit)s::int) AS f
LEFT JOIN stored_events e ON e.notification_id = f.position AND e.account_id = %(account_id)s::uuid
LEFT JOIN LATERAL (SELECT convert_from(e.state, 'UTF8')::jsonb AS state OFFSET 0) AS s ON true
ORDER BY f.time DESC, f.position DESC

-- name: count
WITH customer AS MATERIALIZED (
    SELECT customer_no FROM customers WHERE customer_id = %(customer_id)s::uuid AND account_id = %(account_id)s::uuid
)
SELECT count(*) + (SELECT count(*) FROM customer c JOIN activities a ON a.customer_no = c.customer_no)
FROM (SELECT e.notification_id
      FROM customer c
      JOIN stored_events e ON e.originator_id = %(customer_id)s::uuid AND e.notification_id >= c.customer_no
      WHERE e.account_id = %(account_id)s::uuid AND e.topic <> 'rollcall.activity.recorded'
      UNION
      SELECT h.position
      FROM customer c
      JOIN membership_history h ON h.customer_no = c.customer_no
      JOIN segment_versions v ON v.version_no = h.version_no AND v.state IN ('serving', 'retired')
          AND h.position <= coalesce(v.superseded_by, h.position)
      JOIN segments s ON s.account_id = %(account_id)s::uuid AND s.segment_no = v.segment_no
      JOIN stored_events e ON e.notification_id = h.position AND e.account_id = %(account_id)s::uuid
          AND NOT (e.topic = 'rollcall.activity.recorded' AND e.originator_id = %(customer_id)s::uuid)) AS entries

-- name: flips
SELECT h.position, s.segment_id, s.name, h.joined, h.at, h.cause
FROM customers c
JOIN membership_history h ON h.customer_no = c.customer_no AND h.position = ANY (%(positions)s::bigint[])
JOIN segment_versions v ON v.version_no = h.version_no AND v.state IN ('serving', 'retired')
    AND h.position <= coalesce(v.superseded_by, h.position)
JOIN segments s ON s.account_id = %(account_id)s::uuid AND s.segment_no = v.segment_no
WHERE c.customer_id = %(customer_id)s::uuid AND c.account_id = %(account_id)s::uuid
ORDER BY h.position, h.at, s.segment_no

-- name: earlier
-- What each attribute was before the oldest event of the page, and whether the log has all of the customer.
SELECT k.key, t.value, EXISTS (SELECT FROM stored_events e
                               WHERE e.notification_id = c.customer_no AND e.account_id = %(account_id)s::uuid)
FROM unnest(%(keys)s::text[]) AS k (key)
JOIN customers c ON c.customer_id = %(customer_id)s::uuid AND c.account_id = %(account_id)s::uuid
LEFT JOIN LATERAL (
    SELECT (s.state->'values'->k.key)::text AS value
    FROM stored_events e
    CROSS JOIN LATERAL (SELECT convert_from(e.state, 'UTF8')::jsonb AS state OFFSET 0) AS s
    WHERE e.originator_id = %(customer_id)s::uuid AND e.account_id = %(account_id)s::uuid
      AND e.notification_id >= c.customer_no AND e.notification_id < %(first)s::bigint AND s.state->'values' ? k.key
    ORDER BY e.originator_version DESC
    LIMIT 1
) AS t ON true
