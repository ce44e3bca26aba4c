"""Which SQL a call runs, as PostgreSQL itself logged it, and the same as a script for pgbench.

Every parameter with something in it that is new in each call (ids, hashes, references, mailboxes) becomes a
variable, which the script reads from a table of as many sets of fresh values as calls are to be made: the
same one wherever it stood in the call. Everything else, times too, stays as it was when it was recorded.
"""

from __future__ import annotations

import re
import secrets
import uuid
from collections.abc import Sequence
from pathlib import Path

import msgspec
import psycopg

from hotel_booking.domains.bookings.reference import new_reference

TABLE = "bench_values"
_STATEMENT = re.compile(r"(?:execute [^:]*|statement): (.*)", re.DOTALL)
_PARAMETER = re.compile(r"\$(\d+) = (NULL|'(?:[^']|'')*')")
_FRESH = re.compile(
    r"(?P<uuid>[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"
    r"|(?P<hash>(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f]))"
    r"|(?P<reference>(?<![0-9A-Z])[0-9A-HJKMNP-TV-Z]{5}-[0-9A-HJKMNP-TV-Z]{5}(?![0-9A-Z]))"
    r"|(?P<mailbox>ana-[0-9a-f]{12}@example\.com)"
)


class Statement(msgspec.Struct, frozen=True):
    """One round trip: its text and its parameters as texts."""

    sql: str
    parameters: tuple[str | None, ...]


class _Line(msgspec.Struct, frozen=True):
    dbname: str = ""
    message: str = ""
    detail: str = ""


def recorded(folder: Path, database: str, since: int) -> list[Statement]:
    """The statements of the first transaction of a database in the JSON log in `folder`, from this many bytes
    on."""
    text = b"".join(path.read_bytes() for path in sorted(folder.glob("*.json")))[since:]
    found = []
    for line in text.splitlines():
        logged = msgspec.json.decode(line, type=_Line)
        match = _STATEMENT.fullmatch(logged.message)
        if logged.dbname == database and match:
            pairs = _PARAMETER.findall(logged.detail)
            values = tuple(None if text == "NULL" else text[1:-1].replace("''", "'") for _, text in pairs)
            found.append(Statement(match[1], values))
    return _transaction(found)


def _transaction(statements: list[Statement]) -> list[Statement]:
    """From its beginning to its end, without what the server does besides."""
    begins = [place for place, one in enumerate(statements) if one.sql.startswith("BEGIN")]
    ends = [place for place, one in enumerate(statements) if one.sql.startswith("COMMIT")]
    return statements[begins[0] : ends[0] + 1] if begins and ends else []


def size(folder: Path) -> int:
    """How many bytes were logged so far."""
    return sum(path.stat().st_size for path in folder.glob("*.json"))


class Script(msgspec.Struct, frozen=True):
    """For pgbench: its text, and the parameters that the table has columns for."""

    text: str
    columns: tuple[str, ...]


def script_of(statements: Sequence[Statement]) -> Script:
    """The statements as a script."""
    columns: list[str] = []
    lines = []
    for statement in statements:
        names = []
        for value in statement.parameters:
            if value is not None and _FRESH.search(value):
                names.append(f":c{len(columns)}")
                columns.append(value)
            else:
                names.append("NULL" if value is None else "'" + value.replace("'", "''") + "'")
        lines += [f"{_filled(part, names)};" for part in _split(statement.sql)]
    wanted = ", ".join(f"c{number}" for number in range(len(columns)))
    first = f"SELECT {wanted} FROM {TABLE} WHERE number = (SELECT nextval('{TABLE}_next')) \\gset"
    return Script("\n".join([first, *lines]) + "\n", tuple(columns))


def _split(sql: str) -> list[str]:
    """pgbench prepares single statements: BEGIN and what is sent with it are two there."""
    return [part.strip() for part in sql.split(";") if part.strip()] if sql.startswith("BEGIN;") else [sql]


def _filled(sql: str, names: Sequence[str]) -> str:
    """The text with its parameters; colons of casts stay, for pgbench reads `::` as itself."""
    text = re.sub(r"\$(\d+)", lambda match: f" {names[int(match[1]) - 1]}", sql) if names else sql
    return " ".join(line.split("--")[0].strip() for line in text.splitlines()).strip()


def fill_values(url: str, script: Script, quote: str, quotes: Sequence[str]) -> None:
    """A set of fresh values for each of the quotes, in the table that the script reads."""
    names = [f"c{number}" for number in range(len(script.columns))]
    with psycopg.connect(url) as connection:
        connection.execute(f"DROP TABLE IF EXISTS {TABLE}")
        connection.execute(f"DROP SEQUENCE IF EXISTS {TABLE}_next")
        columns = ", ".join(f"{name} text NOT NULL" for name in names)
        connection.execute(f"CREATE TABLE {TABLE} (number int PRIMARY KEY, {columns})")
        connection.execute(f"CREATE SEQUENCE {TABLE}_next")
        with connection.cursor() as cursor, cursor.copy(f"COPY {TABLE} FROM STDIN") as copy:
            for number, fresh in enumerate(quotes, 1):
                known = {quote: fresh}
                copy.write_row((number, *(_renewed(value, known) for value in script.columns)))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"VACUUM ANALYZE {TABLE}")


def _renewed(value: str, known: dict[str, str]) -> str:
    """The value with everything in it that is new in each call; the same again where it was met before."""

    def fresh(match: re.Match[str]) -> str:
        if match[0] not in known:
            known[match[0]] = _made(match)
        return known[match[0]]

    return _FRESH.sub(fresh, value)


def _made(match: re.Match[str]) -> str:
    if match["uuid"]:
        return str(uuid.uuid4())
    if match["reference"]:
        return new_reference()
    return secrets.token_hex(32) if match["hash"] else f"ana-{secrets.token_hex(6)}@example.com"
