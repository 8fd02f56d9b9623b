-- The last change of an account's segments and filters in one probe: whoever names a segment in a filter, or deletes
-- one, asks for it while holding the log's lock.
CREATE INDEX stored_events_filters ON rollcall.stored_events (account_id, notification_id)
    WHERE topic IN ('rollcall.segment.created', 'rollcall.segment.filter_changed', 'rollcall.segment.deleted');
