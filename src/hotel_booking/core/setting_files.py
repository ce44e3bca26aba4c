"""Settings that stand in files: `NAME_FILE=/run/secrets/name` in the place of `NAME=…`, so that a secret need
not be in the environment, which a process's children and `docker inspect` show."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

# Where a database and Redis are is set by names that are not ours alone.
ADDRESSES = (
    *("DATABASE_URL", "DB_HOST", "DB_PORT", "DB_USER", "DB_PASSWORD", "DB_NAME"),
    *("DATABASE_READ_URL", "DB_READ_HOST", "DB_READ_PORT"),
    *("REDIS_URL", "REDIS_HOST", "REDIS_PORT", "REDIS_PASSWORD", "REDIS_TLS"),
)
_MOST_BYTES = 65_536
_DATABASE = ("DATABASE_", "DB_")
_QUOTES = ("'", '"')
_MADE_UP = frozenset({"DB_PASSWORD", "REDIS_PASSWORD", "HOTEL_SECRET_KEY"})


def names_database(environ: Mapping[str, str]) -> bool:
    """Whether the environment says where the database is, itself or by a file."""
    return any(environ.get(name) or environ.get(f"{name}_FILE") for name in ("DATABASE_URL", "DB_HOST"))


def without_line_ends(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment without the line breaks that our settings end with, which are no part of them, as in a
    file: `echo WORD | base64` in a Secret has one, and each line of a file of settings from Windows."""
    return {
        name: value.rstrip("\r\n") if name.startswith((*_DATABASE, "HOTEL_", "REDIS_")) else value
        for name, value in environ.items()
    }


def quoted(text: str) -> bool:
    """Whether a text has quotes around it: a shell takes them away, `docker run --env-file` does not."""
    return len(text) > 1 and text[0] in _QUOTES and text[-1] == text[0]


def surely_quoted(name: str, text: str) -> bool:
    """Whether quotes around a setting are no part of what is meant. Of what somebody has made up they may
    be, and where they are not, all who read it agree about it."""
    return name not in _MADE_UP and quoted(text)


def with_no_database(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment for settings of which the database's are not used: they may be there, whole or not."""
    kept = {name: value for name, value in environ.items() if not name.startswith(_DATABASE)}
    return {**kept, "DATABASE_URL": "postgresql://unused"}


def with_files(
    environ: Mapping[str, str], names: Collection[str], problems: list[str] | None = None
) -> dict[str, str]:
    """The environment with what the files say that its `…_FILE` variables name, for settings of these names.

    The line break at the end of a file is no part of the setting, and an empty file leaves it unset. What is
    wrong is added to `problems`; without such a list it raises `OSError` or `ValueError`.
    """
    read = without_line_ends(environ)
    for name in names:
        variable = f"{name}_FILE"
        path = read.pop(variable, "")
        if not path:
            continue
        try:
            if environ.get(name):
                raise ValueError(f"{name} and {variable} are both set: keep one of them")
            if text := _text(variable, path):
                read[name] = text
        except (OSError, ValueError) as error:
            if problems is None:
                raise
            problems.append(str(error))
    return read


def _text(variable: str, path: str) -> str:
    try:
        with Path(path).open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise OSError(f"{variable}={path} cannot be read: {error.strerror}") from error
    if len(content) > _MOST_BYTES:
        raise ValueError(f"{variable}={path} is longer than {_MOST_BYTES:,} bytes")
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise ValueError(f"{variable}={path} is no text in UTF-8") from error
    return text.rstrip("\r\n")
