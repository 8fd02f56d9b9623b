-- Static segments: who is in which list, as the write side decides on it. Events carry only who was
-- really added or removed, so these rows move in the transaction that stores the events.

-- `phone` and `created` (NULL where there is no such customer now) say which customer a phone number
-- in a CSV belongs to: the oldest one. The read model may lag behind; a duplicate customer would stay.
ALTER TABLE rollcall.customer_states ADD COLUMN phone text, ADD COLUMN created bigint;
UPDATE rollcall.customer_states s
SET phone = t.state #>> '{a,phone,0}', created = (t.state ->> 'c')::bigint
FROM (SELECT customer_id, convert_from(state, 'UTF8')::json AS state FROM rollcall.customer_states) AS t
WHERE t.customer_id = s.customer_id AND (t.state ->> 'e')::boolean;
CREATE INDEX customer_states_phone ON rollcall.customer_states (account_id, phone, created, customer_id)
    WHERE phone IS NOT NULL;

CREATE TABLE rollcall.static_members (
    segment_id  uuid NOT NULL,
    customer_id uuid NOT NULL,
    account_id  uuid NOT NULL,
    PRIMARY KEY (segment_id, customer_id)
);
CREATE INDEX static_members_customer ON rollcall.static_members (customer_id);
ALTER TABLE rollcall.static_members ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_account ON rollcall.static_members TO rollcall_api
    USING (account_id = (SELECT rollcall.current_account()));
CREATE POLICY every_account ON rollcall.static_members TO rollcall_worker USING (true);
GRANT SELECT, INSERT, DELETE ON rollcall.static_members TO rollcall_api, rollcall_worker;

-- Like customers_found, for those who are not in one version of a segment of this transaction's account.
CREATE FUNCTION rollcall.candidates_found(wanted tsquery, list bigint, before bigint, most integer)
    RETURNS SETOF bigint
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = rollcall_model, pg_temp
    AS $$
    BEGIN
        RETURN QUERY
            SELECT c.customer_no
            FROM customers c
            WHERE c.account_id = rollcall.current_account()
              AND c.search @@ wanted
              AND (before IS NULL OR c.customer_no < before)
              AND NOT EXISTS (SELECT FROM members m
                              WHERE m.version_no = list AND m.customer_no = c.customer_no
                                AND m.account_id = c.account_id)
            ORDER BY c.customer_no DESC
            LIMIT most;
    END $$;
REVOKE EXECUTE ON FUNCTION rollcall.candidates_found FROM PUBLIC;
GRANT EXECUTE ON FUNCTION rollcall.candidates_found TO rollcall_api;
