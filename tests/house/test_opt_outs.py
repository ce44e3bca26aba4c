"""Whoever opts out of a check says why, on the same line or on the one before."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted(
    [path for folder in ("src", "tests", "benchmarks") for path in (ROOT / folder).rglob("*.py")]
    + [path for path in (ROOT / "scripts").iterdir() if "python" in path.read_text().partition("\n")[0]]
)
OPT_OUT = re.compile(r"#\s*(type:\s*ignore|noqa|pragma:\s*no cover)(\[[\w\-, ]+\]|:\s*[A-Z0-9, ]+)?")
MAYBE = re.compile(OPT_OUT.pattern + r"|except Exception\b")
GENERATED = "tests/api_clients/generated"


def unexplained(source: str) -> list[tuple[int, str]]:
    """Lines without a reason that opt out of ruff or mypy, or catch everything and do not raise it again."""
    lines = source.splitlines()
    reasons = {
        token.start[0]: token.string
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    }

    def before(number: int) -> bool:
        return number - 1 in reasons and lines[number - 2].lstrip().startswith("#")

    found = []
    for number, comment in reasons.items():
        told = re.search(r"\w{3}", OPT_OUT.sub("", comment))
        if OPT_OUT.search(comment) and not told and not before(number):
            found.append((number, lines[number - 1].strip()))
    for node in ast.walk(ast.parse(source)):
        if (
            isinstance(node, ast.ExceptHandler)
            and isinstance(node.type, ast.Name)
            and node.type.id == "Exception"
        ):
            first = node.body[0].lineno
            explained = any(line in reasons for line in range(node.lineno, first + 1)) or before(node.lineno)
            raises = isinstance(node.body[-1], ast.Raise)
            if not explained and not raises:
                found.append((node.lineno, lines[node.lineno - 1].strip()))
    return sorted(found)


def test_every_opt_out_has_its_reason() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{number}: {line}"
        for path in FILES
        if GENERATED not in path.as_posix()
        # Most files opt out of nothing, and to take one apart takes a hundred times as long as to read it.
        if MAYBE.search(source := path.read_text())
        for number, line in unexplained(source)
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    "line",
    ["x = 1  # type: ignore[arg-type]", "import os  # noqa: F401", "x = 1  # noqa: S608 # noqa: E501"],
)
def test_one_without_is_found(line: str) -> None:
    assert unexplained(f"{line}\n")
    assert not unexplained(f"{line}  # the stubs do not know it\n")
    assert not unexplained(f"# the stubs do not know it\n{line}\n")


def test_one_that_swallows_everything_is_found() -> None:
    assert unexplained("try:\n    go()\nexcept Exception:\n    pass\n")
    assert not unexplained(
        "try:\n    go()\nexcept Exception:  # whatever it has, the process goes on\n    pass\n"
    )
    assert not unexplained("try:\n    go()\nexcept Exception:\n    undo()\n    raise\n")
