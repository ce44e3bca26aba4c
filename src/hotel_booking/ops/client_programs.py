"""psql, pg_dump and redis-cli of the image, with the platform's own database and Redis as their defaults.

The runbook runs them by `kubectl exec … -- psql -h $DB_HOST -U $DB_USER -c …`: that way leads by no
entrypoint, so a program of each name stands first on PATH, finds password, database and encryption in the
settings that the platform reads, and becomes the real one. An option that is given counts before them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NoReturn
from urllib.parse import parse_qsl, unquote, urlsplit

from hotel_booking.core.hosts import UNREADABLE, each_host, is_readable, split, target_of
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
_REDIS = ("/usr/bin",)
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
    told, environ = [*options, *arguments], {**environ, **secrets}
    if command_of(arguments)[:1] in (["INFO"], ["FLUSHDB"], ["FLUSHALL"]):
        told = _of_all_nodes(options, arguments, environ)
    _become("redis-cli", _REDIS, told, environ, note)


def libpq(environ: Mapping[str, str]) -> dict[str, str]:
    """What libpq takes for its defaults: the database that the settings name."""
    found = {"PSQL_HISTORY": "/dev/null"}
    if not (url := environ.get("DATABASE_URL")):
        found |= {theirs: environ[ours] for ours, theirs in _PARTS.items() if environ.get(ours)}
        if "," in environ.get("DB_HOST", ""):
            found["PGTARGETSESSIONATTRS"] = "read-write"
        return found | ({"PGDATABASE": environ["DB_NAME"]} if environ.get("DB_NAME") else {})
    parts = split(url)
    each = [urlsplit(part) for part in each_host(url)]
    said = {
        "PGHOST": ",".join(part.hostname or "" for part in each),
        "PGPORT": ",".join(str(part.port or "") for part in each).strip(","),
        "PGTARGETSESSIONATTRS": target_of(url) if len(each) > 1 else "",
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


def command_of(arguments: Sequence[str]) -> list[str]:
    """What Redis is told, where nothing but host and port stands before it; [] where other options do."""
    left = list(arguments)
    while left[:1] in (["-h"], ["-p"]):
        del left[:2]
    return [] if left[:1] and left[0].startswith("-") else left


def of_all_nodes(options: Sequence[str], arguments: Sequence[str]) -> list[str]:
    """The arguments that tell a cluster as a whole what a node alone would tell of its own part, or flush it
    alone: `-h HOST -p PORT FLUSHDB` is `--cluster call HOST:PORT FLUSHDB`, by the masters."""
    command = command_of(arguments)
    left = [*options, *arguments][: -len(command)]
    where = {"-h": "127.0.0.1", "-p": "6379"}
    for option in where:
        while option in left[:-1]:
            at = left.index(option)
            where[option] = left[at + 1]
            del left[at : at + 2]
    masters = [] if command[0] == "INFO" else ["--cluster-only-masters"]
    return [*left, "--cluster", "call", f"{where['-h']}:{where['-p']}", *command, *masters]


def _of_all_nodes(options: list[str], arguments: list[str], environ: Mapping[str, str]) -> list[str]:
    """For Redis in cluster mode; all as it is for one that is alone, or does not answer."""
    as_it_is = [*options, *arguments]
    path = shutil.which("redis-cli", path=os.pathsep.join(_REDIS))
    if path is None:
        return as_it_is
    asks = [path, *as_it_is[: -len(command_of(arguments))], "INFO", "cluster"]
    try:
        told = subprocess.run(asks, env=dict(environ), capture_output=True, timeout=5, check=False)  # noqa: S603  # as `_become`
    except subprocess.TimeoutExpired:
        return as_it_is
    return of_all_nodes(options, arguments) if b"cluster_enabled:1" in told.stdout else as_it_is


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
        environ = with_files(os.environ, ADDRESSES)
    except (OSError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)
    for variable in ("DATABASE_URL", "REDIS_URL"):
        if not is_readable(environ.get(variable, "")):
            sys.stderr.write(f"{variable} {UNREADABLE}\n")
            sys.exit(2)
    return environ


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
