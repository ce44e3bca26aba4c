"""Handlers and templates get structs, never rows: so that a type checker knows every field that they read.

A row of the database can only reach the edge by a function of the domains that hands it out, or by a
statement that a handler runs itself; both are refused here. What a handler still reads by a string is named
below: the parts of a request and of documents, and mappings of its own.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from jinja2 import Environment, nodes

HOME = Path(__file__).resolve().parents[2] / "src/hotel_booking"
EDGE = ("api", "web", "admin", "status")
ROWS = {"Row", "Record"}
STATEMENTS = {"fetch", "fetchrow", "fetchval", "fetch_as", "fetchrow_as", "as_struct"}
# By the name that is subscripted: a request's scope, its state and headers; what a form said, and days by the
# names of fields; what became of a booking, by the names of fields too; a drawing's paints.
CONTAINERS = {"scope", "state", "headers", "values", "days", "after", "paints"}
# The reference page reads the OpenAPI document, which is JSON.
DOCUMENTS = {"api/reference_page.py"}
# In templates: a form's errors by field; labels and counts by name; what a chart draws.
SHOWN = {"errors", "counts", "labels", "data", "one"}


def modules(*folders: str) -> Iterator[tuple[str, ast.Module]]:
    """The modules of some folders, by their paths."""
    for folder in folders:
        for path in sorted((HOME / folder).rglob("*.py")):
            yield str(path.relative_to(HOME)), ast.parse(path.read_text())


def names_in(node: ast.AST) -> set[str]:
    """Every name in an expression; a quoted annotation counts as what it says."""
    found: set[str] = set()
    for part in ast.walk(node):
        if isinstance(part, ast.Name):
            found.add(part.id)
        elif isinstance(part, ast.Attribute):
            found.add(part.attr)
    return found


def rows_in_handlers(tree: ast.Module) -> list[str]:
    """Where a handler's module knows rows, or runs a statement of its own."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and {alias.name for alias in node.names} & ROWS:
            found.append(f"{node.lineno}: imports a row's type")
        elif isinstance(node, ast.Attribute) and node.attr in ROWS | STATEMENTS:
            found.append(f"{node.lineno}: {ast.unparse(node)}")
    return found


def rows_handed_out(tree: ast.Module) -> list[str]:
    """Public functions, methods and fields of a domain's module that are declared as rows or hold some."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            name, declared = node.name, node.returns
        elif isinstance(node, ast.AnnAssign):
            name, declared = ast.unparse(node.target), node.annotation
        else:
            continue
        if declared is not None and not name.startswith("_") and names_in(declared) & ROWS:
            found.append(f"{node.lineno}: {name}: {ast.unparse(declared)}")
    return found


def read_by_string(tree: ast.Module) -> list[str]:
    """Values that are read by a string and are none of the containers."""
    found = []
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Subscript)
            and isinstance(node.ctx, ast.Load)
            and isinstance(node.slice, ast.Constant)
            and isinstance(node.slice.value, str)
        ):
            of = node.value
            name = of.id if isinstance(of, ast.Name) else of.attr if isinstance(of, ast.Attribute) else ""
            if name not in CONTAINERS | {"Literal"} and ast.unparse(of) != "self._locale.days":
                found.append(f"{node.lineno}: {ast.unparse(node)}")
    return found


def test_handlers_know_no_rows() -> None:
    found = [f"{path}:{line}" for path, tree in modules(*EDGE) for line in rows_in_handlers(tree)]
    assert found == []


def test_what_all_surfaces_share_knows_no_rows() -> None:
    """It keeps idempotency keys itself, by statements of its own, and reads what they give as structs."""
    found = [
        f"{path}:{line}"
        for path, tree in modules("http")
        for line in rows_in_handlers(tree)
        if not line.endswith(("tx.fetchval", "tx.fetchrow_as"))
    ]
    assert found == []


def test_domains_hand_out_no_rows() -> None:
    found = [f"{path}:{line}" for path, tree in modules("domains") for line in rows_handed_out(tree)]
    assert found == []


def test_handlers_read_nothing_by_strings_but_what_has_no_fields() -> None:
    found = [
        f"{path}:{line}"
        for path, tree in modules(*EDGE)
        if path not in DOCUMENTS
        for line in read_by_string(tree)
    ]
    assert found == []


def test_templates_read_nothing_by_strings_but_what_has_no_fields() -> None:
    environment = Environment(extensions=["jinja2.ext.i18n"], autoescape=True)
    found = []
    for folder in (*EDGE, "http/ui"):
        for path in sorted((HOME / folder).rglob("*.html")):
            for node in environment.parse(path.read_text()).find_all(nodes.Getitem):
                name = getattr(node.node, "attr", getattr(node.node, "name", ""))
                if (
                    isinstance(node.arg, nodes.Const)
                    and isinstance(node.arg.value, str)
                    and name not in SHOWN
                ):
                    found.append(f"{path.relative_to(HOME)}:{node.lineno}: {name}[{node.arg.value!r}]")
    assert found == []


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        (rows_in_handlers, "from hotel_booking.core.db import Row, Transaction"),
        (rows_in_handlers, "def show(row: asyncpg.Record) -> str: ..."),
        (rows_in_handlers, "async def show(tx): return await tx.fetchrow('SELECT 1')"),
        (rows_handed_out, "async def find(tx) -> list[Row]: ..."),
        (rows_handed_out, "async def find(tx) -> tuple[asyncpg.Record, int] | None: ..."),
        (rows_handed_out, "class Found:\n    pair: Row"),
        (read_by_string, "def show(hotel): return hotel['name']"),
        (read_by_string, "def show(found): return found[0]['name']"),
        (read_by_string, "def show(self): return self._row['name']"),
    ],
)
def test_the_rules_see_a_row(rule: object, code: str) -> None:
    assert callable(rule)
    assert rule(ast.parse(code))
