"""The tables of docs/CONFIGURATION.md, made from the declarations of the settings (`make docs`)."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from hotel_booking.core.config import Settings
from hotel_booking.core.environment import OTHERS
from hotel_booking.core.setting import Setting, declared

# Where a database and Redis are is set by names that are not ours alone.
_ADDRESSES = """\
| `DATABASE_URL` | none | `postgresql://…` | the database in one address; counts before the `DB_` settings | anything else, everywhere; no database at all too |
| `DB_HOST` | none | a host, an IPv6 address, or the folder of a Unix socket; several with commas between them | the database's host; of several, each connection goes to the one that takes writes, so that a replica which is promoted is found by itself ([0080](decisions/0080-losing-a-part.md)) | a port behind a host, everywhere |
| `DB_PORT` | `5432` | 1 to 65535; as many as there are hosts, with commas between them | its port, or theirs | a number of ports that is not that of hosts, everywhere |
| `DB_USER`, `DB_NAME` | none | texts | user and database | missing beside `DB_HOST`, everywhere |
| `DB_PASSWORD` | none | a text | the user's password | |
| `DATABASE_READ_URL` | none | `postgresql://…` | a streaming replica, for what decides no sale ([0070](decisions/0070-read-replicas.md)); beside `DATABASE_URL` | anything else, everywhere |
| `DB_READ_HOST`, `DB_READ_PORT` | none, `DB_PORT` | a host; 1 to 65535 | the same beside `DB_HOST`, whose name and login it has | without `DB_HOST`, everywhere |
| `REDIS_URL` | none | `redis://…`, `rediss://…`, `unix://…` | where requests are counted for all processes together, one server or a cluster ([0069](decisions/0069-redis-cluster.md)); without it each process counts for itself | anything else, everywhere |
| `REDIS_HOST`, `REDIS_PORT` | none, `6379` | a host; 1 to 65535 | the same in parts | a port behind the host, everywhere |
| `REDIS_PASSWORD` | none | a text | its password (`requirepass`, or ElastiCache's AUTH token) | |
| `REDIS_TLS` | `false` | `true`, `false` | whether the connection is encrypted, and Redis's certificate checked by the system's authorities | anything else, and `true` beside a `REDIS_URL` of `redis://`, everywhere |"""  # noqa: E501  # rows of a table


def tables() -> dict[str, str]:
    """The page's tables by the names of the marks between which they stand."""
    settings = ["| setting | default | takes | what it does | refused |", "|---|---|---|---|---|", _ADDRESSES]
    settings += [_row(setting) for setting in declared(Settings)]
    commands = ["| setting | what it does |", "|---|---|"]
    commands += [f"| `{variable}` | {does} |" for variable, does in OTHERS.items()]
    return {
        "settings": "\n".join(settings),
        "demonstration": "\n".join(_demonstration()),
        "commands": "\n".join(commands),
    }


def filled(page: str) -> str:
    """The page with its tables made anew. Raises `ValueError` where a mark is missing."""
    for name, table in tables().items():
        before, begin, rest = page.partition(f"<!-- {name}: by `make docs` -->\n")
        _old, end, after = rest.partition("<!-- end -->")
        if not begin or not end:
            raise ValueError(f"docs/CONFIGURATION.md has no mark for {name}")
        page = f"{before}{begin}{table}\n{end}{after}"
    return page


def _row(setting: Setting) -> str:
    takes = setting.takes or ("a text" if setting.high is None else f"{setting.low:,} to {setting.high:,}")
    if setting.choices:
        takes = ", ".join(f"`{choice}`" for choice in setting.choices)
    cells = (f"`{setting.variable}`", _shown(setting.default), takes, setting.does, setting.refused)
    return f"| {' | '.join(cells)} |".replace("|  |", "| |")


def _demonstration() -> Iterator[str]:
    yield "| setting | in `demo` and `test` |"
    yield "|---|---|"
    for setting in declared(Settings):
        if setting.demo != setting.default:
            yield f"| `{setting.variable}` | {_shown(setting.demo)} |"


def _shown(value: object) -> str:
    """A value as it is typed into the environment."""
    if value in (None, "", ()):
        return "none"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


if __name__ == "__main__":
    page = Path(sys.argv[1])
    page.write_text(filled(page.read_text()))
