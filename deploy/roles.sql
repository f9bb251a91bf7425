-- Run once by a superuser: psql -v owner_password=... -v app_password=... -f deploy/roles.sql
-- The product runs as payouts_app, which reads and writes rows. It owns nothing: it cannot change a table, drop the
-- triggers that keep history as it is, or empty a table. Migrations run as payouts_owner.

CREATE ROLE payouts_owner LOGIN PASSWORD :'owner_password';
CREATE ROLE payouts_app LOGIN PASSWORD :'app_password';

CREATE DATABASE payouts OWNER payouts_owner ENCODING 'UTF8' TEMPLATE template0;
REVOKE ALL ON DATABASE payouts FROM PUBLIC;
GRANT CONNECT ON DATABASE payouts TO payouts_app;

\connect payouts

GRANT USAGE ON SCHEMA public TO payouts_app;
ALTER DEFAULT PRIVILEGES FOR ROLE payouts_owner GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO payouts_app;
ALTER DEFAULT PRIVILEGES FOR ROLE payouts_owner GRANT USAGE, SELECT ON SEQUENCES TO payouts_app;
