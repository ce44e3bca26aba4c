"""Every table has one owner, and the SQL of every module is read: who writes, who reads, and where.

Only the owning domain writes a table; domains above it may read it by join; domains below it or beside it may
not. SQL is found in the strings of every module (their parts put together, f-strings too), in the tables that
composed statements are given, in rows that are copied, and in the bodies of the database's own
functions, which belong to a domain as modules do. See docs/decisions/0038-who-writes-which-sql.md.
"""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "hotel_booking"
MIGRATIONS = PACKAGE / "migrations" / "sql"

OWNS = {
    "audit": "audit_archive audit_entry audit_horizon audit_link audit_spooled",
    "authentication": """guest_challenge guest_passkey guest_session guest_token known_device link_request
        sign_in_failure staff_challenge staff_passkey staff_session staff_token""",
    "identity": "api_key staff staff_grant staff_recovery_code",
    "notifications": "mail_attempt mail_message",
    "exchange": "exchange_rate",
    "properties": """cancellation_policy group_page place place_name property property_name property_photo
        room_type tax translation""",
    "guests": "guest_account",
    "inventory": "night_archive room room_night room_use",
    "rates": "rate_edit rate_night rate_plan",
    "payments": """dispute gateway_notice ledger ledger_charge ledger_entry payment reconciliation
        reconciliation_difference refund saved_card""",
    "bookings": """booking booking_entry booking_note booking_seen booking_words booking_words_walk
        browser_booking checkout_draft guest guest_account_booking guest_message hold_expired hold_maker
        hold_telling quote reservation sale_terms stay_override invariant_result restore_affected
        restore_point""",
    "incidents": """incident incident_action incident_alert incident_delivery incident_entry incident_role
        incident_update maintenance_window site_closure status_component status_day status_delivery
        status_event status_probe status_subscriber status_webhook""",
    "reporting": "till_closing",
    "search": "search_change search_change_mark",
    "http": "idempotency_key",
    "jobs": "job_trace",
    "access": "access_grant access_reaped",
    "replica": "replica_beat",
    "heartbeat": "backup_heartbeat",
    "results": "operations_result outside_off",
    "sandbox": "sandbox_payment sandbox_refund",
}
OWNER = {table: owner for owner, tables in OWNS.items() for table in tables.split()}

# What is no domain and owns tables all the same.
OUTSIDE = {
    "core/job_queue.py": "jobs",
    "core/replica.py": "replica",
    "core/heartbeat.py": "heartbeat",
    "ops/backup/results.py": "results",
    "ops/backup/pseudonyms.py": "results",
    "core/backups.py": "results",
    "cli/outside.py": "results",
    "http/idempotency.py": "http",
    "ops/access/database.py": "access",
    "ops/access/standing.py": "access",
    "integrations/sandbox.py": "sandbox",
}
# Statements that are given their table as a value: the tables that it can be. They count as written.
_CREDENTIALS = """guest_challenge guest_passkey guest_session guest_token staff_challenge staff_passkey
    staff_session staff_token"""
_AUTHENTICATION = "domains/authentication/service/"
DYNAMIC = {
    f"{_AUTHENTICATION}links.py": _CREDENTIALS,
    f"{_AUTHENTICATION}new_password.py": "guest_account staff",
    f"{_AUTHENTICATION}passkeys.py": _CREDENTIALS,
    f"{_AUTHENTICATION}sessions.py": _CREDENTIALS,
    f"{_AUTHENTICATION}sign_in.py": "guest_account staff",
    # For inventory and rates as well: whose table each call gives is seen where it is called.
    "domains/properties/rows.py": "cancellation_policy property room_type tax",
    "domains/properties/service/properties.py": "cancellation_policy tax translation",
}
# Written past the owners, each for the reason that stands here; no example. What a folder writes stands
# behind it, or "*" for all.
EXCEPTIONS = {
    "ops/backup/pseudonyms.py": (
        "*",
        "every table of a copy that leaves production, before anything works on it",
    ),
    "bench/": ("*", "millions of rows, without triggers, into a scratch database that is thrown away"),
    "demo/": ("*", "millions of rows, by COPY without triggers into an empty database, of a superuser's"),
    _AUTHENTICATION: ("guest_account staff", "the columns of passwords, which are authentication's of both"),
}
# Conditions that statements elsewhere take as a value.
CONDITIONS = ("domains/authentication/kinds.py",)
# What stands above all domains: it may read what it likes, to fill and to count, and to make a copy fit.
ABOVE = ("bench/", "demo/", "replay/", "ops/backup/pseudonyms.py")
# The database's functions that read or write tables, by the domain of their main table.
FUNCTIONS = {
    name: owner
    for owner, names in {
        "audit": """audit_write audit_row audit_sale audit_confirmation audit_try audit_payment audit_rates
            audit_nights audit_refuse_change audit_refuse_unless_archived audit_rooms_state""",
        "notifications": "mail_queue",
        "properties": "property_names property_names_kept",
        "inventory": "inventory_change",
        "search": """search_changed_all search_changed_exchange search_changed_hold
            search_changed_places search_changed_property search_changed_rates search_changed_rooms""",
        "jobs": "job_traced",
        "payments": "ledger_charge_add ledger_charges_become ledger_charges_fill",
        "bookings": """booking_candidates booking_confirm booking_entries_fill booking_entry_money
            booking_entry_refund booking_entry_room booking_entry_rooms booking_entry_state booking_expire
            booking_hold booking_lapse booking_locked booking_make booking_release booking_take_nights
            booking_words_guest booking_words_of booking_words_room bookings_lapse charge_settle free_rooms
            holds_admit holds_of""",
    }.items()
    for name in names.split()
}
# Functions that read above their domain, and why. Triggers run where a row changes: who changes it is above.
READS_ABOVE = {
    "audit_": "triggers: whose property and booking a changed row is, its entry has to say",
    "ledger_charges_fill": "what all bookings owe, as lines of the ledger, at once: for a bulk load alone",
}


@dataclass(frozen=True, order=True)
class Mention:
    """A table in a statement: where, and whether the statement writes it."""

    place: str
    line: int
    table: str
    writes: bool

    def __str__(self) -> str:
        return f"{self.place}:{self.line} {'writes' if self.writes else 'reads'} {self.table}"


# -- reading -------------------------------------------------------------------------------------------------

_HOLE = "\x00"  # what an f-string puts in: a name that is not known here
_WORD = re.compile(
    r"\b(?P<verb>insert\s+into|delete\s+from|merge\s+into|truncate(?:\s+table)?|update(?:\s+only)?|from|join|using"
    r"|table)\s+(?:only\s+)?(?P<table>\w+|\x00)(?P<call>\s*\()?",
    re.IGNORECASE,
)
_FURTHER = re.compile(
    r"(?:\s+(?:as\s+)?(?!where\b|join\b|on\b|order\b|left\b|group\b|set\b)\w+)?\s*,\s*(?P<table>\w+|\x00)(?P<call>\s*\()?",
    re.IGNORECASE,
)
_WRITING = ("insert", "delete", "merge", "truncate", "update")
_SET = re.compile(r"(\s+(as\s+)?\w+)?\s+set\b", re.IGNORECASE)


def mentions(place: str, text: str, line: int) -> Iterator[Mention]:
    """The tables of a text, if it is SQL; holes as the table `?`."""
    bare = re.sub(r"--[^\n]*", lambda m: " " * len(m[0]), text)
    for found in _WORD.finditer(bare):
        verb = found["verb"].lower()
        writes = verb.startswith(_WRITING)
        if verb.startswith("update") and not re.match(
            r"(\s+(as\s+)?\w+)?\s+set\b", bare[found.end("table") :], re.IGNORECASE
        ):
            continue  # FOR UPDATE OF, ON CONFLICT DO UPDATE, a trigger's event
        if verb == "from" and bare[: found.start()].rstrip().lower().endswith("distinct"):
            continue  # IS DISTINCT FROM
        yield from _named(place, found, bare, line, writes=writes)
        at = found.end("table")
        while verb in ("from", "using") and not found["call"] and (more := _FURTHER.match(bare, at)):
            yield from _named(place, more, bare, line, writes=False)
            at = more.end("table")


def _named(place: str, found: re.Match[str], text: str, line: int, *, writes: bool) -> Iterator[Mention]:
    at = line + text.count("\n", 0, found.start())
    name = found["table"]
    if name == _HOLE:
        yield Mention(place, at, "?", writes)
    elif name in OWNER and (writes or not found["call"]):
        yield Mention(place, at, name, writes)


_MAY_BE_TEXT = (ast.Constant, ast.JoinedStr, ast.BinOp)


def texts(nodes: list[ast.AST]) -> Iterator[tuple[int, str]]:
    """The strings of a module that are no docstrings, each whole: parts that are added are one text."""
    seen: set[int] = set()
    for node in nodes:
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr):
            seen.add(id(body[0].value))
    for node in nodes:
        if id(node) in seen or not isinstance(node, _MAY_BE_TEXT):
            continue
        text = _text(node)
        if text is not None:
            seen |= {id(part) for part in ast.walk(node)}
            yield getattr(node, "lineno", 0), text


def _text(node: ast.AST) -> str | None:
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.JoinedStr):
        return "".join(
            part.value if isinstance(part, ast.Constant) and isinstance(part.value, str) else _HOLE
            for part in node.values
        )
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = _text(node.left), _text(node.right)
        if left is not None or right is not None:
            return (left or _HOLE) + (right or _HOLE)
    return None


@cache
def core_tables() -> dict[str, str]:
    """The names by which modules know the catalogue's tables, with the tables' own."""
    return {
        variable: table
        for path in PACKAGE.glob("domains/*/tables.py")
        for variable, table in re.findall(r"(?m)^(\w+) = TableOf\(\s*\"(\w+)\"", path.read_text())
    }


def composed(place: str, nodes: list[ast.AST], known: dict[str, str]) -> Iterator[Mention]:
    """What is written by statements that are composed, and by COPY."""
    for node in nodes:
        if not isinstance(node, ast.Call) or not node.args:
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name == "copy" and isinstance(node.args[0], ast.Constant) and node.args[0].value in OWNER:
            yield Mention(place, node.lineno, str(node.args[0].value), True)
        if name not in ("insert", "update", "delete", "select", "check_version"):
            continue
        for argument in node.args:
            variable = argument.attr if isinstance(argument, ast.Attribute) else getattr(argument, "id", "")
            if variable in known:
                yield Mention(place, node.lineno, known[variable], name in ("insert", "update", "delete"))


@cache
def modules() -> list[tuple[str, list[ast.AST], list[tuple[int, str]]]]:
    """Every module but the migrations, which make the tables, with its nodes and texts: read once."""
    return [
        (place, nodes := list(ast.walk(ast.parse(path.read_text()))), list(texts(nodes)))
        for path in sorted(PACKAGE.rglob("*.py"))
        if not (place := path.relative_to(PACKAGE).as_posix()).startswith("migrations/")
    ]


def module_mentions() -> Iterator[Mention]:
    """Every table in every module, and in statements that stand in files of their own."""
    known = core_tables()
    for place, nodes, written in modules():
        for line, text in written:
            yield from mentions(place, text, line)
        yield from composed(place, nodes, known)
    for path in sorted(PACKAGE.rglob("*.sql")):
        if MIGRATIONS not in path.parents:
            yield from mentions(path.relative_to(PACKAGE).as_posix(), path.read_text(), 1)


# -- who may -------------------------------------------------------------------------------------------------


@cache
def ranks() -> dict[str, int]:
    """The domains' order, from import-linter's contract: the lowest is 0, siblings are equal."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = next(c["layers"] for c in contracts if c["name"] == "Domains build on each other in one order")
    return {name: rank for rank, layer in enumerate(reversed(layers)) for name in re.findall(r"\w+", layer)}


def allowed(mention: Mention, owner_of_code: str | None) -> bool:
    """Whether code of a domain (None: what is no domain) may do what it does with a table."""
    if mention.table == "?":
        return not mention.writes or mention.place in DYNAMIC
    owner = OWNER[mention.table]
    if owner_of_code == owner:
        return True
    if mention.writes:
        return any(
            mention.place.startswith(place) and (tables == "*" or mention.table in tables.split())
            for place, (tables, _why) in EXCEPTIONS.items()
        )
    rank = ranks()
    if mention.place.startswith(ABOVE):
        return True
    return owner_of_code is not None and rank.get(owner, 99) < rank.get(owner_of_code, -1)


def owner_of(place: str) -> str | None:
    """The domain that a module is of, or the outsider that owns tables."""
    parts = place.split("/")
    return OUTSIDE.get(place) or (parts[1] if parts[0] == "domains" else None)


def told(found: list[Mention]) -> str:
    return "\n" + "\n".join(f"{m}, which is {OWNER.get(m.table, 'whose?')}" for m in found)


def test_only_owners_write_and_nobody_reads_what_is_above_or_beside_it() -> None:
    dynamic = [
        Mention(place, 0, table, True) for place, tables in DYNAMIC.items() for table in tables.split()
    ]
    found = [m for m in sorted({*module_mentions(), *dynamic}) if not allowed(m, owner_of(m.place))]
    assert not found, told(found)


# -- the schema ----------------------------------------------------------------------------------------------

_FUNCTION = re.compile(
    r"CREATE (?:OR REPLACE )?(?:FUNCTION|PROCEDURE) (\w+)\(.*?\bAS (\$\w*\$)(.*?)\2",
    re.DOTALL | re.IGNORECASE,
)


def functions() -> dict[str, tuple[str, int, str]]:
    """The database's functions as they are after all migrations: where each is written, and its body."""
    return {
        name: (path.name, path.read_text().count("\n", 0, found.start(3)) + 1, found[3])
        for path in sorted(MIGRATIONS.glob("*.sql"))
        for found in _FUNCTION.finditer(path.read_text())
        for name in (found[1].lower(),)
    }


def test_every_table_and_view_has_an_owner() -> None:
    made = re.compile(
        r"^CREATE (?:UNLOGGED )?(?:TABLE|VIEW|MATERIALIZED VIEW) (?:IF NOT EXISTS )?(\w+)",
        re.MULTILINE | re.IGNORECASE,
    )
    schema = {name for path in MIGRATIONS.glob("*.sql") for name in made.findall(path.read_text())}
    assert schema == set(OWNER)
    assert {owner for owner in OWNS if owner not in OUTSIDE.values()} <= set(ranks())


def test_the_databases_functions_keep_to_their_domains_tables_too() -> None:
    found, unowned = [], []
    for name, (file, line, body) in functions().items():
        seen = list(mentions(file, body, line))
        if seen and name not in FUNCTIONS:
            unowned.append(f"{file}:{line} {name}")
        above = name.startswith(tuple(READS_ABOVE))
        found += [
            f"{m} in {name}"
            for m in seen
            if name in FUNCTIONS and not allowed(m, FUNCTIONS[name]) and (m.writes or not above)
        ]
    assert not unowned, "\n" + "\n".join(unowned)
    assert not found, "\n" + "\n".join(found)
    assert set(FUNCTIONS) <= set(functions())


def test_code_calls_no_function_of_the_database_that_is_above_it() -> None:
    called = re.compile(rf"\b({'|'.join(FUNCTIONS)})\(")
    rank = ranks()
    found = [
        f"{place}:{line} calls {name}, which is {FUNCTIONS[name]}'s"
        for place, _, written in modules()
        for line, text in written
        for name in called.findall(text)
        if (caller := owner_of(place)) != FUNCTIONS[name]
        and not place.startswith(ABOVE)
        and not (caller in rank and rank[FUNCTIONS[name]] < rank[caller])
    ]
    assert not found, "\n" + "\n".join(found)


# -- where statements stand ----------------------------------------------------------------------------------


def test_statements_stand_in_domains_in_the_modules_that_run_them() -> None:
    """In none of a domain's types, errors, tables and jobs, and in no pure module: who has a statement has a
    transaction to run it in, and hands out what it found."""
    found = []
    for place, nodes, written in modules():
        name = place.rpartition("/")[2]
        if not any(m.table != "?" for line, text in written for m in mentions(place, text, line)):
            continue
        domain = place.startswith("domains/")
        runs = re.search(r"\b(Transaction|Database)\b", ast.unparse(nodes[0]))
        if place in OUTSIDE or place.startswith(ABOVE) or place in CONDITIONS:
            continue
        if not domain or not runs or name in ("types.py", "errors.py", "tables.py", "jobs.py"):
            found.append(place)
    assert not found, found


# -- the test itself -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("domain", "source", "expected"),
    [
        ("rates", "tx.execute('UPDATE room_night n SET taken = 0')", {("room_night", True)}),
        ("rates", "x = 'SELECT 1 FROM rate_night r, booking b'", {("booking", False)}),
        ("payments", "x = f'SELECT {y} FROM payment p' + ' JOIN booking b ON true'", {("booking", False)}),
        ("bookings", "tx.execute('INSERT INTO payment (id) VALUES (1)')", {("payment", True)}),
        ("bookings", "tx.copy('room_night', ())", {("room_night", True)}),
        ("bookings", "x = 'DELETE FROM ' + table", {("?", True)}),
        ("inventory", "update(tx, tables.room_type, 1, values)", {("room_type", True)}),
        ("bookings", "x = 'SELECT FROM payment p WHERE p.a IS DISTINCT FROM booking FOR UPDATE OF p'", set()),
        ("search", "x = 'SELECT FROM room_night JOIN booking ON true -- from staff'", set()),
    ],
)
def test_a_wrong_statement_is_found(domain: str, source: str, expected: set[tuple[str, bool]]) -> None:
    place, nodes = f"domains/{domain}/queries.py", list(ast.walk(ast.parse(source)))
    known = {*composed(place, nodes, core_tables())}
    seen = known.union(*(set(mentions(place, text, line)) for line, text in texts(nodes)))
    assert {(m.table, m.writes) for m in seen if not allowed(m, domain)} == expected
