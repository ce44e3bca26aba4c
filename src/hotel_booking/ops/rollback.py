"""The rollback plan of a release, deployment/rollback-plan.md: which release is gone back to, on which
schemas, and by which commands."""

from __future__ import annotations

import re

import msgspec

from hotel_booking.core import schema
from hotel_booking.ops.evidence import RELEASE
from hotel_booking.ops.refusals import WrongUse

_PREVIOUS = re.compile(r"^Previous release: (\S+)$", re.MULTILINE)
_SCHEMA = re.compile(r"^Schema: (\d{4}) to (\d{4})$", re.MULTILINE)
_BLOCK = re.compile(r"^```(?:bash|sh)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NONE = "none"


class Plan(msgspec.Struct, frozen=True):
    """What it says. `previous` is `none` for the first release; the schema stays at `newest`, and the release
    before runs on every one from `oldest`."""

    previous: str
    oldest: str
    newest: str
    commands: int


def read_plan(text: str, *, release: str) -> Plan:
    """The plan, checked. Raises `WrongUse` saying everything that is wrong with it."""
    wrong = []
    previous, schemas = _PREVIOUS.findall(text), _SCHEMA.findall(text)
    if len(previous) != 1 or not RELEASE.fullmatch(previous[0]):
        wrong.append("one line `Previous release: TAG` is needed (`none` for the first release of all)")
    elif previous[0] == release:
        wrong.append(f"{release} cannot be gone back to: it is the release itself")
    if len(schemas) != 1:
        wrong.append("one line `Schema: FROM to TO` is needed, with four digits each")
    elif not schemas[0][0] <= schemas[0][1] == schema.NEWEST:
        wrong.append(f"the schema ends at {schema.NEWEST} in this release, not at {schemas[0][1]}")
    commands = [
        line
        for block in _BLOCK.findall(text)
        for line in block.splitlines()
        if line.strip() and not line.lstrip().startswith("#")
    ]
    if not commands:
        wrong.append("the commands that go back are needed, in a block of ```bash")
    if wrong:
        raise WrongUse("the rollback plan cannot be followed", *(f"  - {line}" for line in wrong))
    oldest, newest = schemas[0]
    return Plan(previous[0], oldest, newest, len(commands))
