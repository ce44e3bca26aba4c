"""The database's own roles and grants: nobody has more than `database-access.txt` beside this says, which is
what a database of production has once it was prepared for access for hours."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg

from hotel_booking.ops.access.database import EVERYBODY, KEEPER
from hotel_booking.ops.access.terms import ROLES

_EXPECTED = Path(__file__).with_name("database-access.txt")
_MILLISECONDS = 30_000
# Managed databases have roles of their own that may everything (RDS: rdsadmin).
_POWERS = """
SELECT rolname,
       concat_ws(', ', CASE WHEN rolsuper THEN 'is a superuser' END,
                 CASE WHEN rolcreaterole THEN 'makes roles' END,
                 CASE WHEN rolbypassrls THEN 'passes row security' END) AS power
  FROM pg_roles
 WHERE rolcanlogin AND (rolsuper OR rolcreaterole OR rolbypassrls)
   AND rolname NOT IN ('rdsadmin', 'rds_superuser')
 ORDER BY 1
"""
_EXPIRED = """
SELECT rolname, rolvaliduntil::date::text FROM pg_roles
 WHERE rolcanlogin AND rolvaliduntil < now() ORDER BY 1
"""
_PEOPLE = """
SELECT r.rolname FROM pg_roles r JOIN pg_auth_members m ON m.member = r.oid
  JOIN pg_roles g ON g.oid = m.roleid AND g.rolname = %s
 WHERE r.rolname <> %s
"""
# A line each. The tables' owner is called that, whatever its name; who made the server (10) and PostgreSQL's
# own roles are what they are. Of `readable` what all of it has is one line.
_GRANTED = """
WITH owner AS (SELECT relowner AS id FROM pg_class WHERE oid = to_regclass('public.alembic_version')),
ours AS (SELECT c.oid, c.relname, c.relkind, c.relacl, c.relowner, n.nspname FROM pg_class c
   JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')),
named AS (SELECT oid, CASE WHEN oid = (SELECT id FROM owner) THEN 'owner' ELSE rolname END AS name
    FROM pg_roles
   UNION ALL SELECT 0, 'everybody'),
rights AS (
  SELECT o.nspname, o.relname AS what, o.nspname || '.' || o.relname AS full_name, a.grantee, o.relowner,
         a.privilege_type AS may
    FROM ours o CROSS JOIN LATERAL aclexplode(o.relacl) a
   UNION ALL
  SELECT o.nspname, NULL, o.nspname || '.' || o.relname || '.' || t.attname, a.grantee, o.relowner,
         a.privilege_type
    FROM ours o JOIN pg_attribute t ON t.attrelid = o.oid CROSS JOIN LATERAL aclexplode(t.attacl) a
   UNION ALL
  SELECT '', NULL, 'schema ' || n.nspname, a.grantee, n.nspowner, a.privilege_type
    FROM pg_namespace n CROSS JOIN LATERAL aclexplode(n.nspacl) a
   WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
   UNION ALL
  SELECT '', NULL, 'this database', a.grantee, b.datdba, a.privilege_type
    FROM pg_database b CROSS JOIN LATERAL aclexplode(b.datacl) a
   WHERE b.datname = current_database() AND a.grantee <> 0
   UNION ALL
  SELECT '', NULL, 'what is made in ' || coalesce(n.nspname, 'any schema'), a.grantee, d.defaclrole,
         a.privilege_type
    FROM pg_default_acl d LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace
   CROSS JOIN LATERAL aclexplode(d.defaclacl) a),
each AS (
  SELECT g.name, r.nspname, r.full_name, string_agg(DISTINCT r.may, ', ' ORDER BY r.may) AS may
    FROM rights r JOIN named g ON g.oid = r.grantee
   WHERE r.grantee <> r.relowner AND r.grantee <> 10 AND g.name !~ '^(pg_|rds)'
   GROUP BY 1, 2, 3),
whole AS (
  SELECT name, may FROM each WHERE nspname = 'readable' GROUP BY 1, 2
  HAVING count(*) = (SELECT count(*) FROM ours WHERE nspname = 'readable' AND relkind = 'v'))
SELECT name || ': ' || may || ' on ' || full_name FROM each e
 WHERE NOT (nspname = 'readable' AND EXISTS (SELECT FROM whole w WHERE w.name = e.name AND w.may = e.may))
 UNION ALL
SELECT name || ': ' || may || ' on all of readable' FROM whole
 UNION ALL
SELECT m.name || ': is a member of ' || g.name FROM pg_auth_members a
  JOIN named m ON m.oid = a.member JOIN named g ON g.oid = a.roleid
 WHERE a.member <> 10 AND m.name !~ '^(pg_|rds)'
   -- Since PostgreSQL 16 who hands a group out is a member who has nothing of it.
   AND coalesce((to_jsonb(a)->>'inherit_option')::bool OR (to_jsonb(a)->>'set_option')::bool, true)
 UNION ALL
SELECT n.name || ': ' || concat_ws(', ', CASE WHEN r.rolcanlogin THEN 'may log in' ELSE 'may not log in' END,
       CASE WHEN r.rolsuper THEN 'superuser' END, CASE WHEN r.rolcreaterole THEN 'makes roles' END,
       CASE WHEN r.rolcreatedb THEN 'makes databases' END, CASE WHEN r.rolreplication THEN 'replicates' END,
       CASE WHEN r.rolbypassrls THEN 'passes row security' END)
  FROM pg_roles r JOIN named n ON n.oid = r.oid WHERE r.rolname ~ '^hotel' AND r.oid <> 10
 UNION ALL
SELECT 'everybody who may call it: ' || p.proname || ' runs as its owner' FROM pg_proc p
  JOIN pg_namespace n ON n.oid = p.pronamespace
 WHERE p.prosecdef AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
   AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
"""


def granted(url: str) -> list[str]:
    """Who may what, beyond owners: a line each, sorted. Raises `psycopg.Error`."""
    with _connected(url) as db:
        return sorted(line for (line,) in db.execute(_GRANTED))


def wrong(url: str) -> Iterator[str]:
    """What is wrong with roles and grants of the database at `url`. Raises `psycopg.Error`."""
    said = [line for line in _EXPECTED.read_text().splitlines() if not line.startswith("#")]
    expected, found = {line.removeprefix("~") for line in said}, {*granted(url)}
    meant = {line.partition(": ")[0] for line in found & expected if "makes roles" in line}
    with _connected(url) as db:
        for name, power in db.execute(_POWERS):
            if name not in meant:
                yield f"role {name} {power}, and may log in"
        for name, until in db.execute(_EXPIRED):
            yield f"role {name} may log in still, and its time was over on {until}"
        people = {name for (name,) in db.execute(_PEOPLE, [EVERYBODY, KEEPER])}
    groups = {EVERYBODY, *(group for role in ROLES.values() for group in role.groups)}
    for line in sorted(found - expected):
        name, _, what = line.partition(": ")
        if name not in people or what.removeprefix("is a member of ") not in groups:
            yield f"may, and should not: {line}"
    # A database that nobody prepared lacks all of it.
    if any(line.startswith(KEEPER) for line in found):
        yield from (f"may not, and should: {line}" for line in said if line[0] != "~" and line not in found)


def _connected(url: str) -> psycopg.Connection:
    return psycopg.connect(
        url, connect_timeout=10, options=f"-c statement_timeout={_MILLISECONDS}", autocommit=True
    )
