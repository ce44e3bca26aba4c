"""What may be asked for, and who may agree: refused before anything is touched."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from hotel_booking.ops.access import approval
from hotel_booking.ops.access.approval import NotApproved
from hotel_booking.ops.access.terms import ROLES, duration_of, person_of, reason_of, role_of
from hotel_booking.ops.evidence import make_key
from hotel_booking.ops.refusals import Refused, WrongUse
from tests.clients import command_line

NOW = datetime(2030, 3, 1, 9, 0, tzinfo=UTC)
PRIVATE, PUBLIC = make_key()
APPROVERS = approval.read_approvers(f"ann@company.com operator,dba {PUBLIC}\n")
ASKED: dict[str, Any] = {
    "person": "john@company.com",
    "role": "operator",
    "length": timedelta(hours=2),
    "requester": "jane@company.com",
}


NO_ADDRESSES = (
    *("", "john", "john@", "@company.com", "john@company", "jo hn@company.com", "jo\nhn@company.com"),
    *("-x@company.com", "a..b@company.com", 'a"b@company.com', "x" * 60 + "@company.com", "é@company.com"),
)


@pytest.mark.parametrize("address", NO_ADDRESSES)
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(WrongUse):
        person_of(address)


def test_an_address_is_one_however_it_is_typed() -> None:
    assert person_of(" John.Doe@Company.com ") == "john.doe@company.com"


@pytest.mark.parametrize(
    "text", ["", "4", "h", "4d", "14m", "0h", "-4h", "12h1m", "1h 30m", "9999h", "4h4h", "1.5h"]
)
def test_a_duration_is_refused(text: str) -> None:
    with pytest.raises(WrongUse):
        duration_of(text, ROLES["read-only"])


def test_a_duration_is_read() -> None:
    for text, minutes in (("15m", 15), ("4h", 240), ("90m", 90), ("1h30m", 90), ("12H", 720), ("45min", 45)):
        assert duration_of(text, ROLES["read-only"]) == timedelta(minutes=minutes)
    for role in ROLES.values():
        with pytest.raises(WrongUse, match="at most"):
            duration_of(f"{int(role.longest.total_seconds()) // 60 + 1}m", role)


def test_an_unknown_role_names_those_there_are() -> None:
    with pytest.raises(WrongUse, match="there is no role 'admin'") as refused:
        role_of("admin")
    assert [line.split()[0] for line in refused.value.lines[1:]] == [
        "read-only",
        "operator",
        "dba",
        "deployer",
    ]
    assert [role.name for role in ROLES.values() if not role.writes] == ["read-only"]


def test_a_reason_is_one_line_that_a_terminal_shows() -> None:
    assert reason_of(" a\nslow\x1b[31m  query\x00 ") == "a slow[31m query"


def agreed(**other: Any) -> tuple[str, str]:
    told: dict[str, Any] = {**ASKED, "private_key": PRIVATE, "approvers": APPROVERS, "now": NOW, **other}
    return approval.approve(**told)


def checked(line: str, **other: Any) -> tuple[str, str]:
    told: dict[str, Any] = {**ASKED, "approvers": APPROVERS, "now": NOW + timedelta(minutes=5), **other}
    return approval.check(line, **told)


def test_an_approval_counts_for_what_it_says() -> None:
    line, who = agreed()
    name, number = checked(line)
    assert who == name == "ann@company.com"
    assert number != checked(agreed()[0])[1], "each has a name of its own"


@pytest.mark.parametrize(
    "other",
    [
        {"person": "else@company.com"},
        {"role": "dba"},
        {"length": timedelta(hours=3)},
        {"requester": "else@company.com"},
        {"requester": "ann@company.com"},
        {"person": "ann@company.com"},
        {"now": NOW + timedelta(minutes=61)},
        {"now": NOW - timedelta(minutes=6)},
        {"approvers": []},
        {"approvers": approval.read_approvers(f"ann@company.com dba {PUBLIC}\n")},
    ],
)
def test_and_for_nothing_else(other: dict[str, object]) -> None:
    line, _ = agreed()
    with pytest.raises(NotApproved):
        checked(line, **other)


def test_nobody_approves_their_own_or_what_they_may_not_or_by_an_unknown_key() -> None:
    for other in (
        {"person": "ann@company.com"},
        {"requester": "ann@company.com"},
        {"role": "deployer"},
        {"private_key": make_key()[0]},
    ):
        with pytest.raises(NotApproved):
            agreed(**other)
    for line in ("", "x", "e30=", agreed()[0][:-8]):
        with pytest.raises(Refused):
            checked(line)


_WORKS = (
    "  HOTEL_ACCESS_DATABASE_URL=postgresql://hotel_access_keeper:PASSWORD@HOST/hotel_booking hotel-booking"
    " ops access grant --user j@x.de --role read-only --duration 4h\n"
)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--user", "john", "--role", "read-only", "--duration", "4h"), "no e-mail address"),
        (("--user", "j@x.de", "--role", "root", "--duration", "4h"), "there is no role"),
        (("--user", "j@x.de", "--role", "read-only", "--duration", "13h"), "at most"),
        (("--user", "j@x.de", "--role", "read-only", "--duration", "-1h"), "is past already"),
        (("--user", "j@x.de", "--role", "read-only", "--duration", "4h"), _WORKS),
        (("--user", "j@x.de", "--role", "dba", "--duration", "2h"), "HOTEL_OPERATOR=you@company.com"),
        (
            ("--user", "j@x.de", "--role", "dba", "--duration", "2h"),
            "HOTEL_ACCESS_DATABASE_URL, HOTEL_OPERATOR, HOTEL_ACCESS_REASON, HOTEL_ACCESS_APPROVAL\n",
        ),
        (
            ("--user", "j@x.de", "--role", "dba", "--duration", "2h", "--reason", "a slow query"),
            "access approve --user j@x.de --role dba --duration 2h --requester you@company.com\n",
        ),
        (
            *(("--user", "j@x.de", "--role", "dba", "--duration", "2h", "--without", "database"),),
            "3 values are needed and not set: HOTEL_OPERATOR, HOTEL_ACCESS_REASON, HOTEL_ACCESS_APPROVAL\n",
        ),
    ],
)
def test_wrong_use_ends_with_2_and_says_what_would_work(
    words: tuple[str, ...], said: str, tmp_path: object
) -> None:
    done = command_line.command("ops", "access", "grant", *words, seconds=60, HOTEL_OPS_DIR=str(tmp_path))
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_sessions_of_aws_are_as_long_as_grants_may_be() -> None:
    written = Path(__file__).parents[2] / "deployment/terraform/modules/granted/main.tf"
    found = re.search(r"^  hours = \{(.*)\}$", written.read_text(), re.MULTILINE)
    assert found is not None
    hours = {name: int(length) for name, length in re.findall(r"([\w-]+) = (\d+)", found[1])}
    assert hours == {role.name: role.longest.total_seconds() / 3600 for role in ROLES.values()}
