-- name: add
-- Rows in one order, so that two writers of an account never wait for each other in a circle.
INSERT INTO received_counts AS c (account_id, door, subject, name, result, count, first_at, last_at)
SELECT %(account_id)s::uuid, t.door, t.subject, t.name, t.result, sum(t.count), %(at)s::timestamptz, %(at)s::timestamptz
FROM (SELECT n.door, n.subject, n.result, n.count,
             CASE WHEN k.name IS NOT NULL OR n.subject = 'record' OR k.kept + row_number() OVER () <= %(most)s::int
                  THEN n.name ELSE %(others)s::text END AS name
      FROM unnest(%(doors)s::text[], %(subjects)s::text[], %(names)s::text[], %(results)s::text[], %(counts)s::bigint[])
           AS n (door, subject, name, result, count)
      CROSS JOIN LATERAL (
          SELECT (SELECT count(*) FROM received_counts WHERE account_id = %(account_id)s::uuid) AS kept,
                 (SELECT e.name FROM received_counts e
                  WHERE e.account_id = %(account_id)s::uuid AND e.door = n.door AND e.subject = n.subject
                    AND e.name = n.name AND e.result = n.result) AS name) AS k) AS t
GROUP BY t.door, t.subject, t.name, t.result
ORDER BY t.door, t.subject, t.name, t.result
ON CONFLICT (account_id, door, subject, name, result) DO UPDATE
SET count = c.count + excluded.count, last_at = greatest(c.last_at, excluded.last_at)

-- name: of_account
SELECT door, subject, name, result, count, first_at, last_at
FROM received_counts
WHERE account_id = %s::uuid
ORDER BY subject, count DESC, name, result
