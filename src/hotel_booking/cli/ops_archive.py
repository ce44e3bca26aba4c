"""Rows of the past go to files of the backups' store: what `ops database maintenance --archive` does first.

Each part is one transaction: what was removed is written, read back, and then committed. Killed in between,
the rows are here and the file has them too, and the next run moves them again.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any

from hotel_booking.core.counting import count
from hotel_booking.ops.backup.tar_backups import TarBackups
from hotel_booking.ops.database.care import Step, StepResult

_LENGTH = re.compile(r"(\d{1,3})y|(\d{1,5})d")
# Last year's night is what this year's is compared with.
_LEAST = timedelta(days=400)
# Rows of one part: some ten megabytes in memory, and a transaction of seconds.
_NIGHTS, _LINKS = 100_000, 20_000

Tell = Callable[[int, int, Step, StepResult], None]


def moment(text: str, now: datetime) -> datetime:
    """The day so long ago, at its beginning (UTC). Raises `WrongUse` for no length, or too short a one."""
    from hotel_booking.ops.refusals import WrongUse

    found = _LENGTH.fullmatch(text.strip().lower())
    if not found:
        raise WrongUse(f"{text!r} is no age", "Such as: --archive 3y, or --archive 1200d")
    length = timedelta(days=round(int(found[1]) * 365.25) if found[1] else int(found[2]))
    if length < _LEAST:
        raise WrongUse(f"{text} is too near: {_LEAST.days} days stay", "Such as: --archive 3y")
    try:
        day = (now - length).date()
    except OverflowError:
        raise WrongUse(f"{text} ago there was no calendar yet", "Such as: --archive 3y") from None
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def archive(url: str, kept: TarBackups, *, before: datetime, seconds: float, tell: Tell) -> list[StepResult]:
    """Move what is from before, within so many seconds, the rest next time. Each part is told of."""
    return asyncio.run(_archive(url, kept, before, monotonic() + seconds, tell))


def planned(url: str, *, before: datetime) -> list[Step]:
    """What would be moved."""
    return asyncio.run(_planned(url, before))


async def _planned(url: str, before: datetime) -> list[Step]:
    from hotel_booking.core.db import Database
    from hotel_booking.domains.audit import archive as audit
    from hotel_booking.domains.inventory import past_nights as rooms
    from hotel_booking.domains.rates import past_nights as rates

    async with Database.open(url, size=1, statement_timeout_ms=0) as db, db.transaction() as tx:
        found = [
            Step(
                "archive room_night",
                count(await rooms.count(tx, before=before.date()), "night") + _of(before),
            ),
            Step(
                "archive rate_night",
                count(await rates.count(tx, before=before.date()), "night") + _of(before),
            ),
        ]
        if await audit.oldest(tx, before=before, most=2):
            found.append(Step("archive audit_entry", f"entries{_of(before)}"))
    return [step for step in found if not step.why.startswith("0 ")]


async def _archive(url: str, kept: TarBackups, before: datetime, ends: float, tell: Tell) -> list[StepResult]:
    from hotel_booking.core.db import Database, Origin
    from hotel_booking.domains.inventory import past_nights as rooms
    from hotel_booking.domains.rates import past_nights as rates

    def nights(name: str, let_go: Any) -> Any:
        async def part(tx: Any) -> tuple[int, str]:
            lines = await let_go(tx, before=before.date(), most=_NIGHTS)
            return len(lines), (await _put(kept, name, lines))[0] if lines else ""

        return part

    results: list[StepResult] = []
    # No limit of a statement: a part is small, and the file between its statements may take its time.
    async with Database.open(url, size=1, statement_timeout_ms=0) as db:
        acting = db.acting(Origin("command", name="hotel-booking ops database maintenance"))
        for name, part in (
            ("room_night", nights("room_night", rooms.let_go)),
            ("rate_night", nights("rate_night", rates.let_go)),
            ("audit_entry", lambda tx: _entries(tx, kept, before)),
        ):
            step = Step(f"archive {name}", f"what is{_of(before)}")
            while True:
                done: StepResult | None
                if monotonic() > ends:
                    done = StepResult(
                        step.statement, "left", 0.0, "the time was over: left for the next time"
                    )
                else:
                    done = await _part(acting, step.statement, part)
                if done is None:
                    break
                results.append(done)
                tell(len(results), len(results), step, done)
                if done.outcome != "done":
                    break
    return results


async def _part(db: Any, statement: str, part: Any) -> StepResult | None:
    """One part; None where there is nothing left. The store's refusals are raised."""
    from hotel_booking.domains.audit.archive import BrokenChain

    began = monotonic()
    try:
        async with db.transaction() as tx:
            rows, file = await part(tx)
    except BrokenChain as broken:
        return StepResult(
            statement, "failed", round(monotonic() - began, 3), f"{broken}: nothing is moved of it"
        )
    if not rows:
        return None
    return StepResult(statement, "done", round(monotonic() - began, 3), f"{count(rows, 'row')} to {file}")


async def _entries(tx: Any, kept: TarBackups, before: datetime) -> tuple[int, str]:
    from hotel_booking.core.clock import utc_now
    from hotel_booking.domains.audit import archive as audit

    part = await audit.oldest(tx, before=before, most=_LINKS)
    if part is None:
        return 0, ""
    file, sha256 = await _put(kept, "audit_entry", part.lines)
    await audit.let_go(tx, part, file=file, sha256=sha256, now=utc_now())
    return len(part.lines) - 1, file


async def _put(kept: TarBackups, name: str, lines: list[bytes]) -> tuple[str, bytes]:
    """Their file's id, and the SHA-256 of the lines."""
    content = b"\n".join(lines) + b"\n"
    made = await asyncio.to_thread(kept.put, f"{name}.jsonl", content, lambda _line: None)
    return made.id, hashlib.sha256(content).digest()


def _of(before: datetime) -> str:
    return f" before {before:%Y-%m-%d}"
