-- Old parts of the log may be set aside (deploy/docs/decisions/0037). Where `set_aside` names the table with the whole
-- part, `name` is a table with only what is always needed of it.
ALTER TABLE rollcall.log_parts ADD COLUMN set_aside text;

-- The deletions of customers while a part is set aside, whose values are removed from it before it is taken back.
CREATE TABLE rollcall.noted_erasures (
    customer_id uuid   PRIMARY KEY,
    version     bigint NOT NULL
);
ALTER TABLE rollcall.noted_erasures ENABLE ROW LEVEL SECURITY;

CREATE FUNCTION rollcall.note_erasure() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = rollcall, pg_temp
    AS $$
    BEGIN
        INSERT INTO noted_erasures (customer_id, version)
        SELECT new.originator_id, new.originator_version
        WHERE EXISTS (SELECT FROM log_parts WHERE set_aside IS NOT NULL)
        ON CONFLICT (customer_id) DO UPDATE SET version = excluded.version;
        RETURN NULL;
    END $$;
CREATE TRIGGER note_erasure AFTER INSERT ON rollcall.stored_events FOR EACH ROW
    WHEN (new.topic = 'rollcall.customer.deleted') EXECUTE FUNCTION rollcall.note_erasure();

-- No condition for an index: until a new part has statistics, the planner would look for a stream by its account.
ALTER POLICY own_account ON rollcall.stored_events
    USING (account_id IS NOT DISTINCT FROM (SELECT rollcall.current_account()));
