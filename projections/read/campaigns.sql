-- name: by_id
SELECT campaign_no, campaign_id, name, segment_ids, exclude_segment_ids, lost_included, lost_excluded, events,
       created_at, updated_at
FROM campaigns
WHERE campaign_id = %(campaign_id)s::uuid AND account_id = %(account_id)s::uuid

-- name: with_served
-- With the served version of each of its segments, NULL if it has none.
SELECT campaign_no, campaign_id, name, segment_ids, exclude_segment_ids, lost_included, lost_excluded, events,
       created_at, updated_at,
       ARRAY(SELECT s.serving
             FROM unnest(c.segment_ids) WITH ORDINALITY AS u (segment_id, place)
             LEFT JOIN segments s ON s.segment_id = u.segment_id AND s.account_id = c.account_id
             ORDER BY u.place),
       ARRAY(SELECT s.serving
             FROM unnest(c.exclude_segment_ids) WITH ORDINALITY AS u (segment_id, place)
             LEFT JOIN segments s ON s.segment_id = u.segment_id AND s.account_id = c.account_id
             ORDER BY u.place)
FROM campaigns c
WHERE campaign_id = %(campaign_id)s::uuid AND account_id = %(account_id)s::uuid

-- name: page
SELECT campaign_no, campaign_id, name, segment_ids, exclude_segment_ids, lost_included, lost_excluded, events,
       created_at, updated_at
FROM campaigns
WHERE account_id = %(account_id)s::uuid AND (%(before)s::bigint IS NULL OR campaign_no < %(before)s::bigint)
ORDER BY campaign_no DESC
LIMIT %(limit)s::int

-- name: count
SELECT count(*) FROM campaigns WHERE account_id = %s::uuid

-- name: audience
SELECT audience_no, audience_id, campaign_id, frozen_at, counted, recipients, opted_out, no_phone, excluded,
       duplicate_phone, erased
FROM audiences
WHERE audience_id = %(audience_id)s::uuid AND account_id = %(account_id)s::uuid

-- name: of_segment
SELECT campaign_no, campaign_id, name, segment_ids, exclude_segment_ids, lost_included, lost_excluded, events,
       created_at, updated_at
FROM campaigns
WHERE account_id = %(account_id)s::uuid
  AND (segment_ids && %(segment_ids)s::uuid[] OR exclude_segment_ids && %(segment_ids)s::uuid[])
ORDER BY campaign_no DESC

-- name: audiences
-- Of one campaign or of all, with the campaign's name if it still exists.
SELECT a.audience_no, a.audience_id, a.campaign_id, a.frozen_at, a.counted, a.recipients, a.opted_out, a.no_phone,
       a.excluded, a.duplicate_phone, a.erased, c.name
FROM audiences a
LEFT JOIN campaigns c ON c.campaign_id = a.campaign_id
WHERE a.account_id = %(account_id)s::uuid
  AND (%(campaign_id)s::uuid IS NULL OR a.campaign_id = %(campaign_id)s::uuid)
  AND (NOT %(counted)s::boolean OR a.counted)
  AND (%(before)s::bigint IS NULL OR a.audience_no < %(before)s::bigint)
ORDER BY a.audience_no DESC
LIMIT %(limit)s::int

-- name: count_audiences
SELECT count(*)
FROM audiences
WHERE account_id = %(account_id)s::uuid
  AND (%(campaign_id)s::uuid IS NULL OR campaign_id = %(campaign_id)s::uuid)
  AND (NOT %(counted)s::boolean OR counted)
