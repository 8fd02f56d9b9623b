-- name: save
-- Several workers add to the same minute.
INSERT INTO freshness AS f (minute, door, tier, counts)
SELECT date_trunc('minute', %(at)s::timestamptz), t.door, t.tier,
       ARRAY(SELECT each::bigint FROM jsonb_array_elements_text(t.counts) WITH ORDINALITY AS c (each, place) ORDER BY place)
FROM jsonb_to_recordset(%(rows)s::jsonb) AS t (door text, tier text, counts jsonb)
ON CONFLICT (minute, door, tier) DO UPDATE
SET counts = ARRAY(SELECT coalesce(a, 0) + coalesce(b, 0)
                   FROM unnest(f.counts, excluded.counts) WITH ORDINALITY AS c (a, b, place) ORDER BY place)

-- name: forget
DELETE FROM freshness WHERE minute < %(before)s::timestamptz

-- name: recent
SELECT door, counts FROM freshness WHERE minute > %(after)s::timestamptz
