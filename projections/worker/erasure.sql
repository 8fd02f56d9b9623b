-- name: forget_history
-- With what the days count of it. A day of which nothing is left has no row, as in a replay.
WITH gone AS (
    DELETE FROM membership_history WHERE customer_no = ANY (%b::bigint[])
    RETURNING version_no, position, at, joined, cause
)
MERGE INTO segment_days d
USING (
    SELECT g.version_no, (g.at AT TIME ZONE a.timezone)::date AS day, g.cause = 'edit' AS by_edit,
           newest_beside(v.segment_no, g.version_no, g.position) AS beside,
           count(*) FILTER (WHERE g.joined) AS joins, count(*) FILTER (WHERE NOT g.joined) AS leaves
    FROM gone g
    JOIN segment_versions v ON v.version_no = g.version_no
    JOIN accounts a ON a.account_id = v.account_id
    GROUP BY 1, 2, 3, 4
) AS t
ON d.version_no = t.version_no AND d.day = t.day AND d.beside = t.beside AND d.by_edit = t.by_edit
WHEN MATCHED AND d.joins = t.joins AND d.leaves = t.leaves THEN DELETE
WHEN MATCHED THEN UPDATE SET joins = d.joins - t.joins, leaves = d.leaves - t.leaves
