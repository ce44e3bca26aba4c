"""The saga's writes and calls go through domains/payments/steps.py: each of them is a crash point."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import hotel_booking

ROOT = Path(hotel_booking.__file__).parent / "domains"
SAGA = [
    *(
        ROOT / "bookings" / "service" / f"{name}.py"
        for name in ("pay", "accept", "advance", "finish", "collect", "plan_collection", "transfers")
    ),
    ROOT / "payments" / "refunds.py",
]
# What a transaction that is no step may do: look, and note that a try was in vain.
READS = {
    "booking_by_id",
    "booking_by_reference",
    "due_refunds",
    "is_attempt",
    "look_up",
    "saved_card",
    "touch",
    "unfinished",
}
MONEY = {"authorise", "charge_saved", "capture", "void", "refund", "find"}


def called(node: ast.AST) -> set[str]:
    """The names of everything that is awaited within."""
    return {
        call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "?")
        for awaited in ast.walk(node)
        if isinstance(awaited, ast.Await) and isinstance(call := awaited.value, ast.Call)
    }


def test_every_transaction_of_the_saga_that_changes_something_is_a_step() -> None:
    found = []
    for path in SAGA:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.AsyncWith) and "transaction" in ast.unparse(node.items[0]):
                wrong = set().union(*(called(statement) for statement in node.body)) - READS
                if wrong:
                    found.append(f"{path.name}:{node.lineno}: {sorted(wrong)}")
    assert found == []


def test_every_call_of_a_gateway_is_a_step() -> None:
    above = ("admin", "api", "cli", "http", "web", "worker")
    folders = (ROOT, *(ROOT.parent / name for name in above))
    found = [
        f"{path.name}:{node.lineno}"
        for folder in folders
        for path in folder.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in MONEY | {"listing"}
        and re.search(r"gateway|\bcard$", ast.unparse(node.func.value))
        and path != ROOT / "payments" / "steps.py"
    ]
    assert found == []
