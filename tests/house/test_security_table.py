"""The table role x permission in the documents is the code's."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from hotel_booking.cli.permissions import BEGIN, END, app
from hotel_booking.domains.identity.permissions import ROLE_PERMISSIONS, Permission, Role, as_markdown

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "compliance" / "SECURITY.md"


def test_the_document_has_the_codes_table() -> None:
    inside = DOCUMENT.read_text().split(BEGIN)[1].split(END)[0]
    assert inside == as_markdown(), "run: hotel-booking permissions --write docs/compliance/SECURITY.md"


def test_every_permission_and_role_stands_in_the_table() -> None:
    table = as_markdown()
    assert all(f"`{permission.value}`" in table for permission in Permission)
    assert table.count("yes") == sum(len(ROLE_PERMISSIONS[role]) for role in Role)


def test_the_command_brings_a_document_up_to_date(tmp_path: Path) -> None:
    document = tmp_path / "S.md"
    document.write_text(f"before\n{BEGIN}stale\n{END}after\n")
    assert CliRunner().invoke(app, ["--write", str(document)]).exit_code == 0
    assert document.read_text() == f"before\n{BEGIN}{as_markdown()}{END}after\n"


@pytest.mark.parametrize("text", ["", "no marks", f"{BEGIN}no end"])
def test_a_document_without_the_marks_is_left_alone(tmp_path: Path, text: str) -> None:
    document = tmp_path / "S.md"
    document.write_text(text)
    assert CliRunner().invoke(app, ["--write", str(document)]).exit_code != 0
    assert document.read_text() == text
