-- name: days
SELECT v.segment_no, d.day, sum(d.joins)::bigint, sum(d.leaves)::bigint,
       coalesce(sum(d.joins) FILTER (WHERE d.by_edit), 0)::bigint,
       coalesce(sum(d.leaves) FILTER (WHERE d.by_edit), 0)::bigint
FROM segment_versions v
JOIN segment_days d ON d.version_no = v.version_no AND d.day >= %(first)s::date
WHERE v.segment_no = ANY (%(segment_nos)s::bigint[]) AND v.account_id = %(account_id)s::uuid
  AND v.state IN ('serving', 'retired') AND (v.superseded_by IS NULL OR d.beside < v.superseded_by)
GROUP BY v.segment_no, d.day

-- name: movers
SELECT s.segment_id, s.name, n.members, t.joins, t.leaves
FROM (
    SELECT v.segment_no, sum(d.joins)::bigint AS joins, sum(d.leaves)::bigint AS leaves
    FROM segment_days d
    JOIN segment_versions v ON v.version_no = d.version_no
    WHERE d.account_id = %(account_id)s::uuid AND d.day = %(day)s::date
      AND v.state IN ('serving', 'retired') AND (v.superseded_by IS NULL OR d.beside < v.superseded_by)
    GROUP BY v.segment_no
) AS t
JOIN segments s ON s.account_id = %(account_id)s::uuid AND s.segment_no = t.segment_no
JOIN segment_versions n ON n.version_no = s.serving
WHERE t.joins <> t.leaves
ORDER BY abs(t.joins - t.leaves) DESC, s.segment_no
LIMIT %(limit)s::int
