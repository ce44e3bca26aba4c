"""SQLAlchemy Core statements as what asyncpg runs."""

from __future__ import annotations

from typing import Any, cast

from sqlalchemy import ClauseElement
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.sql.compiler import SQLCompiler

_DIALECT = PGDialect_asyncpg()  # type: ignore[no-untyped-call]
_COMPILED: dict[Any, SQLCompiler] = {}
_COMPILED_LIMIT = 1000


def compile_statement(statement: ClauseElement) -> tuple[str, tuple[Any, ...]]:
    """A Core statement as SQL text and its arguments; the text is cached by the statement's shape."""
    key = statement._generate_cache_key()  # noqa: SLF001  # SQLAlchemy's own cache has no public door
    compiled = _COMPILED.get(key.key) if key else None
    if compiled is None:
        compiled = cast("SQLCompiler", statement.compile(dialect=_DIALECT, cache_key=key))
        if compiled.post_compile_params:
            raise TypeError("use `= ANY(array)` instead of IN: its text does not depend on the values")
        if key:
            if len(_COMPILED) >= _COMPILED_LIMIT:
                _COMPILED.clear()
            _COMPILED[key.key] = compiled
    parameters = compiled.construct_params(extracted_parameters=key.bindparams if key else None) or {}
    return str(compiled), tuple(parameters[name] for name in compiled.positiontup or ())
