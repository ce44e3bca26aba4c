"""Every code that people come to see has a name, in the one table."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

import hotel_booking
from hotel_booking.core.code_names import NAMES, called, counted, headed, is_a, value_called, zone_called
from hotel_booking.domains.bookings import types as bookings
from hotel_booking.domains.identity.permissions import Role
from hotel_booking.domains.notifications import rendering
from hotel_booking.domains.notifications import types as mail
from hotel_booking.domains.payments import gateway
from hotel_booking.domains.payments.service import attempts
from hotel_booking.domains.properties.beds import bed_kind
from hotel_booking.integrations.bank_transfer import BankTransfer
from hotel_booking.integrations.pay_at_property import PayAtProperty
from hotel_booking.integrations.sandbox import SandboxGateway
from hotel_booking.integrations.stripe import StripeGateway
from hotel_booking.worker import application

SOURCE = Path(hotel_booking.__file__).parent
TRIGGERS = re.compile(r"CALL audit_table\('\w+', '(\w+)'|audit_write\([^,()]*(?:\([^)]*\))?, '(\w+)'")


def audited() -> set[str]:
    """The kinds of objects that the audit log's triggers write."""
    found: set[str] = set()
    for file in (SOURCE / "migrations/sql").glob("*.sql"):
        for one, other in TRIGGERS.findall(file.read_text()):
            found.add(one or other)
    return found


def worked_at(part: int) -> set[str]:
    """The names of the worker's tasks (0), or of their queues (1)."""
    tasks = application("postgresql://unused").tasks.values()
    own = [task for task in tasks if not task.name.startswith("builtin") and ":" in task.name]
    own = [task for task in own if not task.name.startswith("procrastinate")]
    return {(task.name, task.queue)[part] for task in own}


@pytest.mark.parametrize(
    ("kind", "codes"),
    [
        ("booking", set(get_args(bookings.Status))),
        ("payment", set(get_args(attempts.Status)) | set(get_args(gateway.Status))),
        ("payment purpose", set(get_args(attempts.Purpose))),
        ("mail", set(get_args(mail.Status))),
        ("mail try", set(get_args(mail.Outcome))),
        ("message", set(rendering.names())),
        ("role", {role.value for role in Role}),
        ("gateway", {way.name for way in (BankTransfer, PayAtProperty, SandboxGateway, StripeGateway)}),
        ("object", audited()),
        ("task", worked_at(0)),
        ("queue", worked_at(1)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_every_code_has_a_name(kind: str, codes: set[str]) -> None:
    assert codes
    assert codes - NAMES[kind].keys() == set()


def test_no_name_is_a_code() -> None:
    assert len(audited()) > 25
    assert [name for names in NAMES.values() for name in names.values() if "_" in name or not name] == []


def test_several_of_a_thing_are_said_in_the_plural() -> None:
    assert counted(1, "sofa_bed", "bed") == "1 sofa bed"
    assert counted(2, "sofa_bed", "bed") == "2 sofa beds"
    assert counted(2, bed_kind("Himmelbett"), "bed") == "2 × himmelbett"  # noqa: RUF001  # no plural known
    for code in NAMES["bed"]:
        assert counted(3, code, "bed") == f"3 {NAMES['bed'][code]}s"


def test_a_time_zone_is_read_with_its_words_apart() -> None:
    assert zone_called("America/Port_of_Spain") == "America/Port of Spain"
    assert value_called("America/Sao_Paulo", "timezone", "property") == "America/Sao Paulo"


def test_what_the_table_does_not_know_is_readable_and_what_is_no_code_stays() -> None:
    assert (called("checked_in", "booking"), headed("no_show", "booking")) == ("in house", "No-show")
    assert (is_a("checked_in"), is_a("no_show")) == ("in house", "a no-show")
    assert called("quite_new_reason", "decline") == "quite new reason"
    assert called("key:12", "source") == "by API key 12"
    assert called("The guest wrote room_12", "refund problem") == "The guest wrote room_12"
    assert called("", "decline") == ""
    assert len(called("x" * 500, "decline")) <= 80
    assert value_called("checked_in", "status", "booking") == "in house"
    assert value_called("lost_key", "reason", "refund") == "lost_key"  # somebody's own words
    for written in ("sofa_bed", "Sofa bed", "SOFA"):
        assert called(bed_kind(written), "bed") == "sofa bed"


def test_no_page_and_no_message_takes_a_code_apart_by_itself() -> None:
    for file in (*SOURCE.rglob("*.html"), *SOURCE.rglob("domains/**/*.py"), *SOURCE.rglob("admin/*.py")):
        if file.name != "beds.py":
            assert not re.search(r"""replace\(["']_["'], ["'] ["']\)""", file.read_text()), file
