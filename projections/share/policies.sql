-- What the views read is held to the account of the login, under the role that owns the views. Run by the owner, with
-- search_path on a read model: on a new one before it has rows, because a policy needs a lock for which it would have to
-- wait while a table is vacuumed.

DO $$
DECLARE
    each text;
BEGIN
    FOREACH each IN ARRAY ARRAY['segments', 'segment_versions', 'members', 'membership_history', 'customers', 'reach']
    LOOP
        IF NOT EXISTS (SELECT FROM pg_policy WHERE polrelid = each::regclass AND polname = 'account_of_login') THEN
            EXECUTE format('CREATE POLICY account_of_login ON %I FOR SELECT TO rollcall_share_owner '
                           'USING (account_id = (SELECT rollcall.account_of_login(%L::regclass)))', each, each);
        END IF;
        EXECUTE format('GRANT SELECT ON %I TO rollcall_share_owner', each);
    END LOOP;
END $$;
