"""The database's own roles and grants: nobody but the owner has more than they need."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg

_MILLISECONDS = 30_000
# Managed databases have roles of their own that may everything (RDS: rdsadmin).
_POWERS = """
SELECT rolname,
       concat_ws(', ', CASE WHEN rolsuper THEN 'is a superuser' END,
                 CASE WHEN rolcreaterole THEN 'makes roles' END,
                 CASE WHEN rolbypassrls THEN 'passes row security' END) AS power
  FROM pg_roles
 WHERE rolcanlogin AND (rolsuper OR rolcreaterole OR rolbypassrls) AND rolname <> ALL ($1)
 ORDER BY 1
"""
_EXPIRED = """
SELECT rolname, rolvaliduntil::date::text FROM pg_roles
 WHERE rolcanlogin AND rolvaliduntil < now() ORDER BY 1
"""
_EVERYBODY = """
SELECT c.relname, string_agg(DISTINCT a.privilege_type, ', ' ORDER BY a.privilege_type)
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 CROSS JOIN LATERAL aclexplode(c.relacl) a
 WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') AND a.grantee = 0
   AND c.relkind IN ('r', 'p', 'v', 'm')
   AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
 GROUP BY 1 ORDER BY 1
"""
_MAKES = """
SELECT n.nspname FROM pg_namespace n CROSS JOIN LATERAL aclexplode(n.nspacl) a
 WHERE a.grantee = 0 AND a.privilege_type = 'CREATE' AND n.nspname !~ '^pg_' ORDER BY 1
"""
# The log of every change is added to by its owner's functions, and changed by nobody else.
_LOG = """
SELECT DISTINCT r.rolname, c.relname FROM pg_class c
 CROSS JOIN LATERAL aclexplode(c.relacl) a JOIN pg_roles r ON r.oid = a.grantee
 WHERE c.relname IN ('audit_entry', 'audit_link') AND a.grantee <> c.relowner
   AND a.privilege_type IN ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE')
 ORDER BY 1, 2
"""
_KNOWN = ["rdsadmin", "rds_superuser"]


def wrong(url: str) -> Iterator[str]:
    """What is wrong with roles and grants of the database at `url`. Raises `psycopg.Error`."""
    with psycopg.connect(
        url, connect_timeout=10, options=f"-c statement_timeout={_MILLISECONDS}", autocommit=True
    ) as db:
        for name, power in db.execute(_POWERS.replace("$1", "%s"), [_KNOWN]):
            yield f"role {name} {power}, and may log in"
        for name, until in db.execute(_EXPIRED):
            yield f"role {name} may log in still, and its time was over on {until}"
        for table, rights in db.execute(_EVERYBODY):
            yield f"everybody who connects has {rights} on {table}"
        for (schema,) in db.execute(_MAKES):
            yield f"everybody who connects may make tables in schema {schema}"
        for name, table in db.execute(_LOG):
            yield f"role {name} may change {table}, the log of every change"
