"""psql, pg_dump and redis-cli of the image, with the platform's own database and Redis as their defaults.

The runbook runs them by `kubectl exec … -- psql -h $DB_HOST -U $DB_USER -c …`: that way leads by no
entrypoint, so a program of each name stands first on PATH, finds password, database and encryption in the
settings that the platform reads, and becomes the real one. An option that is given counts before them.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NoReturn
from urllib.parse import parse_qsl, unquote, urlsplit

from hotel_booking.core.setting_files import ADDRESSES, with_files

# Parameters of DATABASE_URL that libpq reads from its environment.
_PARAMETERS = {
    "host": "PGHOST",
    "port": "PGPORT",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
}
_PARTS = {"DB_HOST": "PGHOST", "DB_PORT": "PGPORT", "DB_USER": "PGUSER", "DB_PASSWORD": "PGPASSWORD"}
_VERSIONS = ("15", "16", "17", "18")


def postgresql() -> NoReturn:
    """Become the client of PostgreSQL that it was called as: psql, pg_dump, pg_restore. Ends with 2 where a
    setting cannot be read, with 1 where there is none."""
    environ = _settings()
    arguments, note = told_host(sys.argv[1:], "DB_HOST", unless=lambda host: host.startswith("-"))
    folders = [f"/usr/lib/postgresql/{version}/bin" for version in _VERSIONS]
    _become(Path(sys.argv[0]).name, [*folders, "/usr/bin"], arguments, {**environ, **libpq(environ)}, note)


def redis_cli() -> NoReturn:
    """Become redis-cli. Ends as `psql` does."""
    environ = _settings()
    # Host names are written in small letters: a command stands where the host should.
    arguments, note = told_host(
        sys.argv[1:], "REDIS_HOST", unless=lambda host: host.isalpha() and host.isupper()
    )
    options, secrets = redis_options(environ, arguments)
    _become("redis-cli", ["/usr/bin"], [*options, *arguments], {**environ, **secrets}, note)


def libpq(environ: Mapping[str, str]) -> dict[str, str]:
    """What libpq takes for its defaults: the database that the settings name."""
    found = {"PSQL_HISTORY": "/dev/null"}
    if not (url := environ.get("DATABASE_URL")):
        found |= {theirs: environ[ours] for ours, theirs in _PARTS.items() if environ.get(ours)}
        return found | ({"PGDATABASE": environ["DB_NAME"]} if environ.get("DB_NAME") else {})
    parts = urlsplit(url)
    said = {
        "PGHOST": parts.hostname or "",
        "PGPORT": str(parts.port or ""),
        "PGUSER": unquote(parts.username or ""),
        "PGPASSWORD": unquote(parts.password or ""),
        "PGDATABASE": unquote(parts.path.removeprefix("/")),
    }
    said |= {_PARAMETERS[name]: value for name, value in parse_qsl(parts.query) if name in _PARAMETERS}
    return found | {name: value for name, value in said.items() if value}


def redis_options(environ: Mapping[str, str], arguments: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Options for redis-cli and what it reads from the environment; none of either where the arguments name
    another Redis by its address (`-u`) or socket (`-s`)."""
    secrets = {"REDISCLI_HISTFILE": "/dev/null"}
    if {"-u", "-s"} & set(arguments):
        return [], secrets
    url = environ.get("REDIS_URL")
    parts = urlsplit(url or "")
    if url and parts.scheme == "unix":
        options = ["-s", parts.path] if "-h" not in arguments else []
        user, password, encrypted = parts.username, unquote(parts.password or ""), False
    else:
        host = parts.hostname if url else environ.get("REDIS_HOST")
        port = parts.port if url else environ.get("REDIS_PORT")
        options = ["-h", host] if host and "-h" not in arguments else []
        options += ["-p", str(port)] if port else []
        number = parts.path.removeprefix("/")
        options += ["-n", number] if number.isdecimal() and number != "0" else []
        user = parts.username
        password = unquote(parts.password or "") if url else environ.get("REDIS_PASSWORD", "")
        encrypted = parts.scheme == "rediss" if url else environ.get("REDIS_TLS") == "true"
    options += ["--tls"] if encrypted else []
    options += ["--user", unquote(user)] if user else []
    return options, secrets | ({"REDISCLI_AUTH": password} if password else {})


def told_host(
    arguments: Sequence[str], variable: str, *, unless: Callable[[str], bool]
) -> tuple[list[str], str]:
    """The arguments without an `-h` that no host follows, and a line about that. The operator's own shell
    fills in the runbook's `-h $DB_HOST`, and may not know the variable; the platform's host counts then."""
    left = list(arguments)
    note = ""
    while "-h" in left:
        at = left.index("-h")
        if at + 1 < len(left) and not unless(left[at + 1]):
            break
        del left[at]
        note = f"-h names no host: ${variable} is unset in your shell; this is the platform's own"
        # Likewise `-U $DB_USER`, which stands before another option then.
        if "-U" in left and "".join(left[left.index("-U") + 1 :][:1])[:1] in ("", "-"):
            left.remove("-U")
    return left, note


def _settings() -> dict[str, str]:
    try:
        return with_files(os.environ, ADDRESSES)
    except (OSError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)


def _become(
    program: str, folders: Sequence[str], arguments: Sequence[str], environ: dict[str, str], note: str
) -> NoReturn:
    path = shutil.which(program, path=os.pathsep.join(folders))
    if path is None:
        sys.stderr.write(f"{program} is in none of {', '.join(folders)}: install it\n")
        sys.exit(1)
    if note:
        sys.stderr.write(f"{program}: {note}\n")
    os.execve(path, [program, *arguments], environ)  # noqa: S606  # the arguments are the caller's own
