-- The data schema, the role the service connects with, and the money type.
--
-- The service role may read every table and write none: whatever changes data is a
-- SECURITY DEFINER function of schema api, which the migration rebuilds on every run.

CREATE SCHEMA transit;

-- Roles belong to the whole cluster, so two databases that migrate at the same moment may
-- both find it missing; the loser of that race meets one of the two errors below.
DO $role$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'transit_service') THEN
        CREATE ROLE transit_service LOGIN;
    END IF;
EXCEPTION
    WHEN duplicate_object OR unique_violation THEN
        RAISE NOTICE 'role transit_service was created by someone else meanwhile';
END;
$role$;

GRANT USAGE ON SCHEMA transit TO transit_service;
ALTER DEFAULT PRIVILEGES IN SCHEMA transit GRANT SELECT ON TABLES TO transit_service;

-- Whole pesos: there are no cents in any fare, and no float ever touches money.
CREATE DOMAIN transit.cop AS bigint;
COMMENT ON DOMAIN transit.cop IS 'Money in whole Colombian pesos';
