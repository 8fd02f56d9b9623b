-- name: suppress
INSERT INTO suppressed_numbers AS s (account_id, number_sha256, position, at)
SELECT a.id, number_sha256(i.secret, a.id, t.phone), a.position, 'epoch'::timestamptz + t.at * interval '1 microsecond'
FROM (SELECT %s::uuid AS id, %s::bigint AS position) AS a, installation i,
     unnest(%b::text[], %b::bigint[]) AS t (phone, at)
ORDER BY 2
ON CONFLICT (account_id, number_sha256) DO UPDATE SET at = greatest(s.at, excluded.at)

-- name: lift
DELETE FROM suppressed_numbers s
USING (SELECT %s::uuid AS id) AS a, installation i, unnest(%b::text[], %b::bigint[]) AS t (phone, at)
WHERE s.account_id = a.id AND s.number_sha256 = number_sha256(i.secret, a.id, t.phone)
  AND s.at <= 'epoch'::timestamptz + t.at * interval '1 microsecond'
