-- name: segments
SELECT count(*), count(*) FILTER (WHERE building IS NOT NULL AND failure IS NULL),
       count(*) FILTER (WHERE failure IS NOT NULL)
FROM segments
WHERE account_id = %(account_id)s::uuid AND NOT archived

-- name: opt_outs
SELECT coalesce(sum(opt_outs), 0)::bigint, coalesce(sum(opt_ins), 0)::bigint
FROM opt_out_days
WHERE account_id = %(account_id)s::uuid AND day = %(day)s::date

-- name: failed_imports
SELECT i.import_id, i.segment_id, s.name, i.file_name, i.failure, i.finished_at
FROM imports i
LEFT JOIN segments s ON s.segment_id = i.segment_id AND s.account_id = i.account_id
WHERE i.account_id = %(account_id)s::uuid AND i.started_at > %(since)s::timestamptz AND i.state = 'failed'
ORDER BY i.started_at DESC
LIMIT %(limit)s::int

-- name: needing_audience
-- What `CampaignRow.needs_audience` says.
SELECT campaign_no, campaign_id, name, segment_ids, exclude_segment_ids, lost_included, lost_excluded, events,
       created_at, updated_at
FROM campaigns
WHERE account_id = %(account_id)s::uuid AND (cardinality(segment_ids) = 0 OR lost_excluded > 0)
ORDER BY campaign_no DESC
LIMIT %(limit)s::int
