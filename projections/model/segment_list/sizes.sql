-- name: add
-- What flips at the position of an edit, as time passes up to it, comes before the edit. Versions and their accounts are
-- looked up by key, whatever statistics say.
INSERT INTO segment_days AS d (account_id, version_no, day, beside, by_edit, joins, leaves)
SELECT v.account_id, t.version_no,
       (t.at AT TIME ZONE v.timezone)::date, n.beside, t.by_edit, sum(t.joins), sum(t.leaves)
FROM {moved} AS t
CROSS JOIN LATERAL (SELECT account_id, segment_no, timezone
                    FROM segment_versions
                    JOIN accounts USING (account_id)
                    WHERE version_no = t.version_no
                    OFFSET 0) AS v
CROSS JOIN LATERAL (SELECT newest_beside(v.segment_no, t.version_no, t.position) AS beside) AS n
GROUP BY 1, 2, 3, 4, 5
ON CONFLICT (version_no, day, beside, by_edit) DO UPDATE
SET joins = d.joins + excluded.joins, leaves = d.leaves + excluded.leaves

-- name: moved_in_arrays
(SELECT version_no, position, 'epoch'::timestamptz + at * interval '1 microsecond' AS at, by_edit, joins, leaves
 FROM unnest(%b::bigint[], %b::bigint[], %b::bigint[], %b::boolean[], %b::bigint[], %b::bigint[])
     AS t (version_no, position, at, by_edit, joins, leaves))
