-- name: parts
SELECT first_position, last_position, name, set_aside,
       pg_total_relation_size(to_regclass('rollcall.' || quote_ident(name)))
FROM rollcall.log_parts
ORDER BY first_position

-- name: lock_log
-- No event is appended, and no customer is erased, meanwhile.
SELECT pg_advisory_xact_lock(7305466)

-- name: projected
SELECT position FROM rollcall_model.projection

-- name: make_kept
-- Everything but changes of customers who were known already.
CREATE TABLE {kept} (LIKE stored_events INCLUDING DEFAULTS);
INSERT INTO {kept}
SELECT originator_id, originator_version, topic, state, notification_id, account_id, effective_at
FROM {part}
WHERE topic <> 'rollcall.customer.changed'
   OR position('"created":true'::bytea IN state) > 0 OR position('"created": true'::bytea IN state) > 0

-- name: exchange
ALTER TABLE stored_events DETACH PARTITION {present};
ALTER TABLE {other} ENABLE ROW LEVEL SECURITY;
ALTER TABLE stored_events ATTACH PARTITION {other} FOR VALUES FROM ({first}) TO ({end})

-- name: move_part
UPDATE log_parts SET name = %(name)s, set_aside = %(set_aside)s WHERE first_position = %(first)s

-- name: missing
SELECT FROM {kept} k
WHERE NOT EXISTS (SELECT FROM {part} p
                  WHERE p.notification_id = k.notification_id AND p.originator_id = k.originator_id
                    AND p.originator_version = k.originator_version)
LIMIT 1

-- name: erase
-- As in `erase_customers`.
UPDATE {part} e
SET state = convert_to((convert_from(e.state, 'UTF8')::jsonb
            || '{{"values": {{}}, "external_id": null, "source": null, "change_id": null}}')::text, 'UTF8')
FROM noted_erasures n
WHERE e.originator_id = n.customer_id AND e.originator_version < n.version
  AND e.topic = 'rollcall.customer.changed'

-- name: forget_erasures
DELETE FROM noted_erasures WHERE NOT EXISTS (SELECT FROM log_parts WHERE set_aside IS NOT NULL)
