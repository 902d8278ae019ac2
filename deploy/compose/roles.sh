#!/bin/sh
# Run by the database's image when its folder is new: the two roles of Heimdex (docs/howto/external-database.md).
# The password comes from a file and goes through a variable of psql, so it stands in no command line.
set -eu
psql --username postgres --dbname "$POSTGRES_DB" --set ON_ERROR_STOP=1 <<'SQL'
\set password `cat /run/secrets/heimdex_password`
CREATE ROLE heimdex_owner NOLOGIN;
CREATE ROLE heimdex_app LOGIN PASSWORD :'password' NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOCREATEDB;
CREATE EXTENSION IF NOT EXISTS vector;
SQL
