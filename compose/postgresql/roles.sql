-- The two roles of the system, made once on an empty cluster by the image's first start.
--
-- transit_owner    owns the database: migrates, and the api functions run with its rights
-- transit_service  the service: reads, and calls the api functions
--
-- Neither is a superuser. psql reads the passwords from the container's environment.

\getenv owner_password OWNER_PASSWORD
\getenv service_password SERVICE_PASSWORD

CREATE ROLE transit_owner LOGIN PASSWORD :'owner_password';
CREATE ROLE transit_service LOGIN PASSWORD :'service_password';

ALTER DATABASE transit OWNER TO transit_owner;

-- Nobody else has any business here.
REVOKE CONNECT, TEMPORARY ON DATABASE transit FROM PUBLIC;
GRANT CONNECT ON DATABASE transit TO transit_service;
