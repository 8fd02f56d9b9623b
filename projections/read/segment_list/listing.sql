-- name: page
SELECT s.segment_no, s.segment_id, s.name, s.description, s.type, s.filter::text, s.version, s.created_at,
       s.updated_at, s.serving, s.building, s.failure, coalesce(v.members, 0), s.label_ids,
       s.archived
FROM segments s
LEFT JOIN segment_versions v ON v.version_no = s.serving
WHERE s.account_id = %(account_id)s::uuid AND {begin}{wanted}
ORDER BY {key} {direction}, s.segment_no {direction}
LIMIT %(limit)s::int

-- name: count
SELECT count(*)
FROM segments s
WHERE s.account_id = %(account_id)s::uuid{wanted}

-- name: key_at
SELECT {key}
FROM segments s
LEFT JOIN segment_versions v ON v.version_no = s.serving
WHERE s.account_id = %(account_id)s::uuid AND s.segment_no = %(segment_no)s::bigint

-- name: with_name
  AND strpos(s.folded_name, %(name)s::text) > 0

-- name: of_kind
  AND s.type = %(type)s::text

-- name: with_label
  AND s.label_ids @> ARRAY[%(label_id)s::uuid]

-- name: archived_or_not
  AND s.archived = %(archived)s::boolean

-- name: not_used
  AND s.segment_id NOT IN (SELECT unnest(segment_ids || exclude_segment_ids)
                           FROM campaigns
                           WHERE account_id = %(account_id)s::uuid)
  AND s.segment_id::text NOT IN (SELECT used_id FROM segment_uses WHERE account_id = %(account_id)s::uuid)

-- name: among_these
  AND s.segment_id = ANY (%(among)s::uuid[])

-- name: uses
SELECT t.used_id::text, 'campaign', c.campaign_id, c.name
FROM campaigns c
CROSS JOIN LATERAL (SELECT DISTINCT unnest(c.segment_ids || c.exclude_segment_ids) AS used_id) AS t
WHERE c.account_id = %(account_id)s::uuid AND t.used_id = ANY (%(segment_ids)s::uuid[])
UNION ALL
SELECT u.used_id, 'segment', s.segment_id, s.name
FROM segment_uses u
JOIN segments s ON s.account_id = u.account_id AND s.segment_no = u.segment_no
WHERE u.account_id = %(account_id)s::uuid AND u.used_id = ANY (%(texts)s::text[])
ORDER BY 2, 4, 3

-- name: ids_of_name
SELECT segment_id
FROM segments
WHERE account_id = %(account_id)s::uuid AND folded_name = %(name)s::text
ORDER BY segment_no

-- name: labels
SELECT label_id, name, colour FROM labels WHERE account_id = %s::uuid ORDER BY folded_name, label_id
