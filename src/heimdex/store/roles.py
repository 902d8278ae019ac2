"""Who may run Heimdex: a login that the row policies bind. All others would see every tenant's rows."""

from __future__ import annotations

from typing import Any

from psycopg import Connection

from heimdex.errors import StoreError, UnsafeRole

APP_ROLE = "heimdex_app"

# The same lines stand in docs/howto/external-database.md; a test compares them.
CREATE_ROLES_SQL = """\
CREATE ROLE heimdex_owner NOLOGIN;
CREATE ROLE heimdex_app LOGIN PASSWORD 'choose one' NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOCREATEDB;
CREATE DATABASE heimdex ENCODING 'UTF8' TEMPLATE template0;
\\connect heimdex
CREATE EXTENSION IF NOT EXISTS vector;"""

# Row policies bind a table's owner only where they are forced.
_UNFORCED = """
SELECT c.relname FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = 'heimdex' AND c.relkind IN ('r', 'p') AND c.relrowsecurity AND NOT c.relforcerowsecurity
   AND pg_has_role(current_user, c.relowner, 'USAGE') LIMIT 1"""
_LOGIN = """
SELECT rolname, rolsuper, rolbypassrls,
       (SELECT has_schema_privilege(n.oid, 'USAGE') FROM pg_namespace n WHERE n.nspname = 'heimdex')
  FROM pg_roles WHERE rolname = current_user"""


def check_login(connection: Connection[Any]) -> None:
    """Raises UnsafeRole, with the SQL that makes proper roles, for a login the row policies do not bind.

    Raises StoreError for one that has no rights at all on the schema.
    """
    row = connection.execute(_LOGIN).fetchone()
    assert row is not None
    name, is_superuser, bypasses, may_use = row
    if may_use is False and not is_superuser:  # None: no schema there yet
        raise StoreError(
            f"The login {name} has no rights on the schema heimdex; as an administrator: "
            f'GRANT {APP_ROLE} TO "{name}";'
        )
    unforced = connection.execute(_UNFORCED).fetchone()
    if is_superuser:
        fault = "is a superuser"
    elif bypasses:
        fault = "has BYPASSRLS"
    elif unforced is not None:
        fault = f"owns the table {unforced[0]}, whose row security is not forced"
    else:
        return
    raise UnsafeRole(
        f"Heimdex does not run as {name}: it {fault}, and so would see the rows of every owner. Give "
        f"HEIMDEX_DATABASE_URL the login {APP_ROLE}. As an administrator, once:\n{CREATE_ROLES_SQL}"
    )
