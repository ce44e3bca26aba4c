"""Staff and guests sign in by one mechanism: nothing beside it touches what accounts are entered by."""

from __future__ import annotations

import re
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2] / "src" / "hotel_booking"
# A copy for staging: there nobody signs in with what production has.
EMPTIES = Path("ops/backup/pseudonyms.py")
MECHANISM = SOURCE / "domains" / "authentication"
_ROWS = r"(staff|guest)_(session|token|passkey|challenge)|sign_in_failure|known_device|link_request"
_WRITES = re.compile(rf"\b(INSERT INTO|UPDATE|DELETE FROM|TRUNCATE)\s+({_ROWS})\b")
_PASSWORD = re.compile(r"SET[^\"]*password_hash")
_KIND = re.compile(r"\b(staff|guests?|guest_account)\b", re.IGNORECASE)
_TEXT = re.compile(r'f?"[^"]*"')


def modules(*, within: bool) -> list[Path]:
    return [
        path
        for path in SOURCE.rglob("*.py")
        if path.is_relative_to(MECHANISM) is within and path.relative_to(SOURCE) != EMPTIES
    ]


def test_nothing_else_writes_sessions_links_passkeys_passwords_or_counts() -> None:
    found = {
        str(path.relative_to(SOURCE)): [match.group() for match in (*writes, *passwords)]
        for path in modules(within=False)
        if "migrations" not in path.parts
        for text in [path.read_text()]
        for writes, passwords in [(list(_WRITES.finditer(text)), list(_PASSWORD.finditer(text)))]
        if writes or passwords
    }
    assert found == {}


def test_the_mechanism_names_staff_and_guests_in_one_place() -> None:
    """Every statement takes its tables from the kind. What is asked for by mail (`link_requests`) and the
    errors of the two surfaces have their names, as rows and answers do."""
    found = {
        path.name: [
            text for text in _TEXT.findall(path.read_text()) if _SQL.search(text) and _KIND.search(text)
        ]
        for path in modules(within=True)
        if path.name != "kinds.py"
    }
    assert {name: texts for name, texts in found.items() if texts} == {}


_SQL = re.compile(r"\b(SELECT|INSERT|UPDATE|DELETE|FROM|JOIN|WHERE)\b")
