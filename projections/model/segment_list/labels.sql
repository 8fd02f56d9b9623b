-- name: save
INSERT INTO labels (account_id, label_id, name, folded_name, colour)
VALUES (%(account_id)s, %(label_id)s, %(name)s, %(folded_name)s, %(colour)s)
ON CONFLICT (account_id, label_id) DO UPDATE
SET name = excluded.name, folded_name = excluded.folded_name, colour = excluded.colour

-- name: delete
WITH gone AS (
    DELETE FROM labels WHERE account_id = %(account_id)s AND label_id = %(label_id)s
)
UPDATE segments
SET label_ids = array_remove(label_ids, %(label_id)s::uuid)
WHERE account_id = %(account_id)s AND label_ids @> ARRAY[%(label_id)s::uuid]

-- name: set_labels
UPDATE segments s
SET label_ids = ARRAY(SELECT label_id
                      FROM labels l
                      WHERE l.account_id = s.account_id AND l.label_id = ANY (%(label_ids)s::uuid[])
                      ORDER BY label_id),
    version = %(version)s, updated_at = 'epoch'::timestamptz + %(at)s::bigint * interval '1 microsecond'
WHERE account_id = %(account_id)s AND segment_id = %(segment_id)s

-- name: set_archived
UPDATE segments
SET archived = %(archived)s, version = %(version)s,
    updated_at = 'epoch'::timestamptz + %(at)s::bigint * interval '1 microsecond'
WHERE account_id = %(account_id)s AND segment_id = %(segment_id)s
