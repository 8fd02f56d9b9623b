-- The stream of membership changes is kept for some time only. How far it was forgotten, and the latest log
-- position among what was: a segment that began after it has its whole stream still.
CREATE TABLE rollcall.forgotten_changes (
    only_row  boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    change_no bigint  NOT NULL DEFAULT 0,
    position  bigint  NOT NULL DEFAULT 0
) WITH (fillfactor = 20);
INSERT INTO rollcall.forgotten_changes DEFAULT VALUES;
ALTER TABLE rollcall.forgotten_changes ENABLE ROW LEVEL SECURITY;
CREATE POLICY everyone_reads ON rollcall.forgotten_changes FOR SELECT TO rollcall_api USING (true);
CREATE POLICY every_account ON rollcall.forgotten_changes TO rollcall_worker USING (true);
GRANT SELECT ON rollcall.forgotten_changes TO rollcall_api;
GRANT SELECT, UPDATE ON rollcall.forgotten_changes TO rollcall_worker;
GRANT DELETE ON rollcall.membership_changes TO rollcall_worker;

-- The last change of all accounts, which each may know: who has read up to here has missed nothing.
CREATE FUNCTION rollcall.last_change() RETURNS bigint
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = rollcall, pg_temp
    AS $$ SELECT greatest((SELECT max(change_no) FROM membership_changes), f.change_no) FROM forgotten_changes f $$;
REVOKE EXECUTE ON FUNCTION rollcall.last_change FROM PUBLIC;
GRANT EXECUTE ON FUNCTION rollcall.last_change TO rollcall_api;
