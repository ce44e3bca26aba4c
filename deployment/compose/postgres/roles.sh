#!/bin/bash
# Run once, by PostgreSQL's image, in a new cluster: the platform's role owns its database and nothing else, and
# monitoring sees figures and no rows. Passwords come from files, and not through the command line.
set -euo pipefail
psql --no-psqlrc -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres <<'SQL'
\set platform `cat /run/secrets/db_password`
\set monitoring `cat /run/secrets/monitoring_password`
CREATE ROLE hotel_booking LOGIN PASSWORD :'platform';
CREATE ROLE monitoring LOGIN CONNECTION LIMIT 5 PASSWORD :'monitoring';
GRANT pg_monitor TO monitoring;
CREATE DATABASE hotel_booking OWNER hotel_booking;
REVOKE CONNECT ON DATABASE hotel_booking FROM PUBLIC;
GRANT CONNECT ON DATABASE hotel_booking TO monitoring;
REVOKE CONNECT ON DATABASE postgres FROM PUBLIC;
SQL
