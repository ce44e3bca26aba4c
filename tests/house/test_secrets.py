"""What must not be guessed is random enough, and no cipher or hash that is broken is used."""

from __future__ import annotations

import ast
import re
from importlib import import_module
from pathlib import Path

import pytest

SRC = Path(__file__).resolve().parents[2] / "src"
# Data that is made up is random by a seed, so that it is the same again; nothing in it is a secret.
_MADE_UP = ("demo", "bench", "replay")
MODULES = [
    path for path in sorted((SRC / "hotel_booking").rglob("*.py"))
    if path.relative_to(SRC / "hotel_booking").parts[0] not in _MADE_UP
]  # fmt: skip
_BROKEN = re.compile(
    r"\bmd5\b|\bsha1\b|\bmodes\.(?:ECB|CBC|CFB|OFB)\b|\bARC4\b|\bTripleDES\b|\bPKCS1v15\b|\bcrypt\("
)
_LEAST = 16  # bytes: 128 bits
# People type recovery codes from paper: 120 bits, more than the 112 that a plain hash keeps.
_TYPED = ("hotel_booking/domains/identity/service/second_factor.py", ["secrets.token_bytes(15)"])


def weak_draws(text: str, names: dict[str, object]) -> list[str]:
    """Calls of `secrets` for fewer than 128 bits, and randomness that can be computed."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import) and any(alias.name == "random" for alias in node.names):
            found.append("import random")
        if isinstance(node, ast.ImportFrom) and node.module == "random":
            found.append("import random")
        if not isinstance(node, ast.Call) or not ast.unparse(node.func).startswith("secrets.token_"):
            continue
        # By itself it draws 256 bits.
        size = eval(ast.unparse(node.args[0]), names) if node.args else 32
        if size < _LEAST:
            found.append(ast.unparse(node))
    return found


def broken_in(text: str) -> list[str]:
    """Lines that name a broken cipher or hash, but where it is said to be for no such use."""
    return [
        line.strip()
        for line in text.splitlines()
        if _BROKEN.search(line) and "usedforsecurity=False" not in line and not line.strip().startswith("#")
    ]


def test_what_must_not_be_guessed_is_random_enough() -> None:
    weak = {}
    drawing = 0
    for path in MODULES:
        text = path.read_text()
        if "secrets.token_" not in text and "random" not in text:
            continue
        drawing += "secrets.token_" in text
        module = import_module(".".join(path.relative_to(SRC).with_suffix("").parts))
        if found := weak_draws(text, vars(module)):
            weak[str(path.relative_to(SRC))] = found
    assert weak == dict([_TYPED])
    assert drawing >= 8


@pytest.mark.parametrize(
    "text",
    ["import random", "from random import choice", "secrets.token_hex(8)", "secrets.token_bytes(SIZE)"],
)
def test_a_weak_draw_is_found(text: str) -> None:
    assert weak_draws(text, {"SIZE": 10})
    assert not weak_draws("secrets.token_urlsafe(24)", {})


def test_no_broken_cipher_or_hash_is_used() -> None:
    assert {
        str(path.relative_to(SRC)): found for path in MODULES if (found := broken_in(path.read_text()))
    } == {}


@pytest.mark.parametrize(
    "text", ["hashlib.md5(b'')", "modes.ECB()", "left(md5(id::text), 8)", "padding.PKCS1v15()"]
)
def test_a_broken_one_is_found(text: str) -> None:
    assert broken_in(text)
    assert not broken_in("hashlib.sha1(text, usedforsecurity=False)")
