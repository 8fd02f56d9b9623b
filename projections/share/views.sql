-- The views that SQL clients read, described in deploy/docs/sql.md. Run by the owner, with search_path on the read model
-- that they show. Columns are only ever added: people's queries name them.

CREATE SCHEMA rollcall_share;

CREATE VIEW rollcall_share.segments WITH (security_barrier) AS
SELECT s.segment_id, s.name, s.description, s.type, s.filter::jsonb AS filter,
       CASE WHEN s.failure IS NOT NULL THEN 'failed'
            WHEN s.building IS NOT NULL THEN 'recomputing'
            ELSE 'current' END AS state,
       coalesce(v.members, 0) AS member_count, s.created_at, s.updated_at
FROM segments s
LEFT JOIN segment_versions v ON v.version_no = s.serving;

CREATE VIEW rollcall_share.customers WITH (security_barrier) AS
SELECT c.customer_id, c.attributes->>'external_id' AS external_id, c.phone, c.name,
       c.attributes - ARRAY['phone', 'name', 'external_id', 'tags', 'opted_out', 'created_at'] AS attributes,
       ARRAY(SELECT jsonb_array_elements_text(c.attributes->'tags')) AS tags,
       c.opted_out, c.created_at, c.updated_at
FROM customers c;

-- The members of the version that is served: one filter, whole.
CREATE VIEW rollcall_share.members WITH (security_barrier) AS
SELECT s.segment_id, r.customer_id, r.external_id, r.phone, r.name, r.opted_out, m.joined_at
FROM segments s
JOIN members m ON m.version_no = s.serving
JOIN reach r ON r.account_id = s.account_id AND r.customer_no = m.customer_no;

-- Without the versions that were never served. A customer who was deleted since has no id any more.
CREATE VIEW rollcall_share.membership_history WITH (security_barrier) AS
SELECT s.segment_id, r.customer_id, r.external_id, h.at, h.joined, h.cause, h.position
FROM segments s
JOIN segment_versions v ON v.segment_no = s.segment_no AND v.state IN ('serving', 'retired')
JOIN membership_history h
    ON h.version_no = v.version_no AND h.position <= coalesce(v.superseded_by, 9223372036854775807)
LEFT JOIN reach r ON r.account_id = s.account_id AND r.customer_no = h.customer_no;

-- To own a view, a role needs the right to create one, at that moment.
GRANT CREATE ON SCHEMA rollcall_share TO rollcall_share_owner;
DO $$
DECLARE
    each regclass;
BEGIN
    FOR each IN SELECT oid FROM pg_class WHERE relnamespace = 'rollcall_share'::regnamespace AND relkind = 'v' LOOP
        EXECUTE format('GRANT SELECT ON %s TO rollcall_share', each);
        EXECUTE format('ALTER VIEW %s OWNER TO rollcall_share_owner', each);
    END LOOP;
END $$;
REVOKE CREATE ON SCHEMA rollcall_share FROM rollcall_share_owner;
GRANT USAGE ON SCHEMA rollcall_share TO rollcall_share;
