"""The requirements of OWASP ASVS 5.0 up to level 2, with the tests that show them kept: asvs.toml in
docs/compliance is the source, ASVS.md the page that is made of it (`make docs`).

    python -m tests.house.asvs docs/compliance/ASVS.md
"""

from __future__ import annotations

import ast
import sys
import tomllib
from functools import cache
from pathlib import Path
from typing import Literal

import msgspec

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "docs" / "compliance" / "asvs.toml"
PAGE = ROOT / "docs" / "compliance" / "ASVS.md"
_HEAD = """# OWASP ASVS 5.0, level 2

Every requirement of levels 1 and 2, in short words of ours, and what shows that it is kept: the test that
fails where it is not. What is not met says so, and who has to see to it; what does not concern the platform
says why. This page is made of [asvs.toml](asvs.toml) by `make docs`, and a test fails where it names a test
that does not exist.

The requirements are those of the *OWASP Application Security Verification Standard 5.0.0*
(<https://github.com/OWASP/ASVS>, by the OWASP Foundation, CC BY-SA 4.0), whose full words count. What the
platform does is told in [SECURITY.md](SECURITY.md).
"""


class Requirement(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One of them; exactly one of `tests`, `not_met` (with `owner`) and `not_applicable` is there."""

    number: str
    level: Literal[1, 2]
    asks: str
    tests: tuple[str, ...] = ()
    not_met: str = ""
    owner: str = ""
    not_applicable: str = ""

    @property
    def answers(self) -> int:
        """How many answers there are; there should be one."""
        return bool(self.tests) + bool(self.not_met and self.owner) + bool(self.not_applicable)


def requirements(source: str) -> list[Requirement]:
    """As they stand in the file."""
    return msgspec.convert(tomllib.loads(source)["requirement"], list[Requirement])


def missing_tests(found: list[Requirement]) -> list[str]:
    """Tests that are named and do not exist, each with its requirement."""
    return [
        f"{one.number}: {test}"
        for one in found
        for test in one.tests
        if test.partition("::")[2] not in _tests_of(test.partition("::")[0])
    ]


@cache
def _tests_of(name: str) -> frozenset[str]:
    path = ROOT / name
    if not path.is_file():
        return frozenset()
    tree = ast.parse(path.read_text())
    return frozenset(
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    )


def page(found: list[Requirement]) -> str:
    """The page, chapter by chapter."""
    lines = [_HEAD]
    met, lacking = (sum(map(bool, kind)) for kind in ([r.tests for r in found], [r.not_met for r in found]))
    lines.append(
        f"{len(found)} requirements: {met} with tests, {lacking} not met,"
        f" {len(found) - met - lacking} that do not concern the platform.\n"
    )
    chapter = ""
    for one in found:
        if (now := one.number.partition(".")[0]) != chapter:
            chapter = now
            lines += [f"## V{now}", "", "| no. | level | asks | shown by |", "|---|:-:|---|---|"]
        lines.append(f"| {one.number} | {one.level} | {one.asks} | {_answer(one)} |")
        if one is found[-1] or found[found.index(one) + 1].number.partition(".")[0] != chapter:
            lines.append("")
    return "\n".join(lines)


def _answer(one: Requirement) -> str:
    if one.tests:
        return "<br>".join(f"`{test}`" for test in one.tests)
    if one.not_met:
        return f"**not met**: {one.not_met} (owner: {one.owner})"
    return f"not applicable: {one.not_applicable}"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page(requirements(SOURCE.read_text())))
