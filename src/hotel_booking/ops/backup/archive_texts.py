"""What pgBackRest prints, read: its backups, what `verify` found wrong, and which WAL is in the archive."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from hotel_booking.ops.backup.engine import Backup
from hotel_booking.ops.refusals import Refused

_LABEL = re.compile(r"(\d{8}-\d{6})[FDI]$")
_SEGMENT = re.compile(r"([0-9A-F]{8})([0-9A-F]{8})([0-9A-F]{8})-[0-9a-f]{40}")
_WRONG = re.compile(r"(missing|checksum invalid|size invalid|other): ([1-9]\d*)")
_PER_LOG = 256  # segments of 16 MB in 4 GB


class Segment(msgspec.Struct, frozen=True, order=True):
    """A segment of WAL in the archive: its place in the history, its timeline, and when it came there."""

    number: int
    timeline: int
    at: datetime


def backups(info: str) -> list[Backup]:
    """From `info --output=json`, newest first; those that are marked as erroneous (a page's checksum was
    wrong) are not among them."""
    found = []
    for entry in _json(info)[0].get("backup", []) if _json(info) else []:
        label = _LABEL.search(entry["label"])
        if label is None or entry.get("error"):
            continue
        found.append(
            Backup(
                id=label[1],
                kind=entry["type"],
                name=entry["label"],
                begun_at=datetime.fromtimestamp(entry["timestamp"]["start"], UTC),
                consistent_at=datetime.fromtimestamp(entry["timestamp"]["stop"], UTC),
                bytes=entry["info"]["repository"]["delta"],
            )
        )
    return sorted(found, key=lambda backup: backup.id, reverse=True)


def restored_bytes(info: str, name: str) -> int:
    """What a backup takes when it is restored."""
    for entry in _json(info)[0]["backup"]:
        if entry["label"] == name:
            return int(entry["info"]["size"])
    raise Refused(f"pgBackRest does not know {name}")


def first_segment(info: str, name: str) -> str:
    """The name of the WAL segment that a backup begins with."""
    for entry in _json(info)[0]["backup"]:
        if entry["label"] == name:
            return str(entry["archive"]["start"])
    raise Refused(f"pgBackRest does not know {name}")


def wrong_in(text: str, name: str | None) -> list[str]:
    """What `verify --output=text` found wrong, of one backup or of everything. Its exit code says nothing:
    2.45 ends with 0 on a damaged file. Refused where the text is not the one that is known."""
    if "status: ok" in text and "status: error" not in text:
        return []
    if "status: error" not in text:
        raise Refused(f"pgBackRest's verify says nothing that can be read: {text.strip()[-300:]!r}")
    found: list[str] = []
    about = ""
    for line in text.splitlines():
        if line.lstrip().startswith(("backup:", "archiveId:")):
            about = line.strip().split(",")[0].removeprefix("backup: ")
        wrong = ", ".join(f"{count} files: {what}" for what, count in _WRONG.findall(line))
        if wrong and (name is None or about.startswith("archiveId") or about == name):
            found.append(f"{about}: {wrong}")
        elif "status: error" in line and ("backup" in line or "archive" in line):
            found.append(line.strip())
    # An error that no line explains is one all the same.
    return found or ([] if name else [line.strip() for line in text.splitlines() if line.strip()][:5])


def segments(listing: str) -> list[Segment]:
    """From `repo-ls --recurse --output=json` of an archive, in their order."""
    found = []
    for path, each in _json(listing).items():
        if match := _SEGMENT.search(path):
            timeline, log, part = (int(piece, 16) for piece in match.groups())
            at = datetime.fromtimestamp(each["time"], UTC)
            found.append(Segment(log * _PER_LOG + part, timeline, at))
    return sorted(found)


def gap_after(found: Sequence[Segment], first: str) -> tuple[Segment, str] | None:
    """The last segment before the first one that is missing, and the name of that; counted from the segment
    `first` on, to the newest. None: the WAL is whole."""
    start = _number(first)
    numbers = {segment.number for segment in found}
    last = max((segment for segment in found if segment.number >= start), default=None)
    if last is None:
        return (Segment(start, 0, datetime.fromtimestamp(0, UTC)), first)
    for number in range(start, last.number):
        if number not in numbers:
            before = [segment for segment in found if segment.number < number]
            nearest = before[-1] if before else Segment(start, 0, datetime.fromtimestamp(0, UTC))
            timeline = nearest.timeline or int(first[:8], 16)
            return nearest, f"{timeline:08X}{number // _PER_LOG:08X}{number % _PER_LOG:08X}"
    return None


def errors(text: str) -> Iterator[str]:
    """The lines of pgBackRest's log that say what went wrong, without their times."""
    for line in text.splitlines():
        if "ERROR:" in line:
            yield line.partition("ERROR:")[2].strip()


def _number(name: str) -> int:
    return int(name[8:16], 16) * _PER_LOG + int(name[16:24], 16)


def _json(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        raise Refused(f"pgBackRest says what cannot be read: {text.strip()[-300:]!r}") from None


def folders(listing: str) -> list[str]:
    """From `repo-ls --output=json`: the names of the folders."""
    return [name for name, each in _json(listing).items() if each.get("type") == "path" and name != "."]
