-- Which deny list is this? A text that changes when the list comes from a backup.
--
-- A restored list issues versions a second time, so a version means something only beside the
-- epoch. Nothing that a backup carries may decide it: a cluster made anew has another system
-- identifier, a recovery to a point in time (and the promotion of a standby) begins another
-- timeline, and a dump that is loaded makes the database, or at least the table, anew, with
-- another oid. Every role may read these; the timeline is the start of the name of a WAL file.
CREATE FUNCTION api.identify_deny_list() RETURNS text
LANGUAGE sql STABLE
AS $$
SELECT left(md5(concat_ws(
    '/',
    (SELECT s.system_identifier FROM pg_control_system() AS s),
    left(pg_walfile_name(pg_current_wal_lsn()), 8),
    (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database()),
    'transit.deny_list_version'::regclass::oid
)), 16)
$$;
COMMENT ON FUNCTION api.identify_deny_list() IS 'The epoch of the deny list: a restore changes it';
