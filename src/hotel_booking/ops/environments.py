"""Where an environment stands at AWS, as its Terraform file says: `deployment/terraform/environments`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from hotel_booking.ops.monitoring import files
from hotel_booking.ops.refusals import WrongUse

_TEXT = re.compile(r'^\s*(\w+)\s*=\s*"([^"]*)"', re.MULTILINE)
_STANDBY = re.compile(r"^standby_of\s*=\s*\{(.*?)^\}", re.MULTILINE | re.DOTALL)


class Place(NamedTuple):
    """An environment: its region and domain, and, of a standby, whose it is and in which region that one
    stands (else empty)."""

    environment: str
    region: str
    domain: str
    stands_in_for: str
    other_region: str

    @property
    def name(self) -> str:
        """What cluster, namespace, database and load balancer are called."""
        return f"hotel-booking-{self.environment}"


def known() -> list[str]:
    """The environments that there are."""
    return sorted(path.stem for path in _folder().glob("*.tfvars"))


def place_of(environment: str) -> Place:
    """What its file says. Raises `WrongUse` for one that there is not."""
    if environment not in known():
        raise WrongUse(
            f"there is no environment {environment!r}", f"There are: {', '.join(known()) or 'none'}."
        )
    text = (_folder() / f"{environment}.tfvars").read_text()
    standby = _STANDBY.search(text)
    of = dict(_TEXT.findall(standby.group(1))) if standby else {}
    said = dict(_TEXT.findall(_STANDBY.sub("", text)))
    return Place(
        environment,
        said["region"],
        said["domain"],
        of.get("environment", ""),
        of.get("region", ""),
    )


def standby_of(environment: str) -> Place:
    """The environment that stands in for this one. Raises `WrongUse` where none does."""
    for name in known():
        if (place := place_of(name)).stands_in_for == environment:
            return place
    raise WrongUse(f"nothing stands in for {environment}")


def _folder() -> Path:
    return files().parent / "terraform" / "environments"
