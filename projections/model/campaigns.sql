-- name: create
INSERT INTO campaigns (account_id, campaign_no, campaign_id, name, segment_ids, exclude_segment_ids, lost_included,
                       lost_excluded, events, created_at, updated_at)
SELECT %(account_id)s, %(campaign_no)s, %(campaign_id)s, %(name)s, %(segment_ids)s::uuid[],
       %(exclude_segment_ids)s::uuid[], %(lost_included)s, %(lost_excluded)s, %(events)s, instant, instant
FROM (SELECT 'epoch'::timestamptz + %(at)s::bigint * interval '1 microsecond' AS instant) AS t

-- name: rename
UPDATE campaigns
SET name = %(name)s, events = %(events)s,
    updated_at = 'epoch'::timestamptz + %(at)s::bigint * interval '1 microsecond'
WHERE campaign_id = %(campaign_id)s

-- name: choose_audience
-- A list that was not mentioned stays as it is, with what it lost.
UPDATE campaigns
SET segment_ids = coalesce(%(segment_ids)s::uuid[], segment_ids),
    lost_included = CASE WHEN %(segment_ids)s::uuid[] IS NULL THEN lost_included ELSE %(lost_included)s END,
    exclude_segment_ids = coalesce(%(exclude_segment_ids)s::uuid[], exclude_segment_ids),
    lost_excluded = CASE WHEN %(exclude_segment_ids)s::uuid[] IS NULL THEN lost_excluded ELSE %(lost_excluded)s END,
    events = %(events)s,
    updated_at = 'epoch'::timestamptz + %(at)s::bigint * interval '1 microsecond'
WHERE campaign_id = %(campaign_id)s

-- name: delete
DELETE FROM campaigns WHERE campaign_id = %(campaign_id)s

-- name: detach_segment
UPDATE campaigns
SET segment_ids = array_remove(segment_ids, %(segment_id)s::uuid),
    lost_included = lost_included + (%(segment_id)s::uuid = ANY (segment_ids))::int,
    exclude_segment_ids = array_remove(exclude_segment_ids, %(segment_id)s::uuid),
    lost_excluded = lost_excluded + (%(segment_id)s::uuid = ANY (exclude_segment_ids))::int,
    updated_at = 'epoch'::timestamptz + %(at)s::bigint * interval '1 microsecond'
WHERE account_id = %(account_id)s
  AND (%(segment_id)s::uuid = ANY (segment_ids) OR %(segment_id)s::uuid = ANY (exclude_segment_ids))
