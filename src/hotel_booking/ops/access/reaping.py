"""Taking back what has ended: each minute, and as well after an hour in which nobody did. What it looks at
is what stands, not what it remembers, so it may be killed anywhere and begins anew."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from datetime import datetime

import msgspec

from hotel_booking.ops.access.bindings import Binding, Bindings
from hotel_booking.ops.access.database import Keeper, Record, keeper
from hotel_booking.ops.refusals import Refused

BY = "access reaper"


class ReapedAccess(msgspec.Struct, kw_only=True):
    """`ended` are people whose access was taken back; `problems` what could not be, or not be looked at."""

    ended: list[str] = []
    problems: list[str] = []


def reap(*, database: str | None, bindings: Bindings | None, now: datetime) -> ReapedAccess:
    """Take back all that has ended, in the database and in Kubernetes; without one of them, in the other, and
    what stands in both is then not off the list. It raises nothing of theirs: it says the problems."""
    done = ReapedAccess()
    with ExitStack() as stack:
        db: Keeper | None = None
        if database:
            try:
                db = stack.enter_context(keeper(database, who=BY))
            except Refused as refusal:
                done.problems.append(refusal.detail)
        bound = None
        if bindings:
            try:
                bound = bindings.all()
            except Refused as refusal:
                done.problems.append(refusal.detail)
        _Look(db, bindings, bound, now, done).all()
    return done


class _Look:
    """One look at what stands. `bound` is None where Kubernetes could not be asked."""

    def __init__(
        self,
        db: Keeper | None,
        bindings: Bindings | None,
        bound: Sequence[Binding] | None,
        now: datetime,
        done: ReapedAccess,
    ) -> None:
        self.db, self.bindings, self.bound, self.now, self.done = db, bindings, bound, now, done
        self.records: dict[str, Record] = (
            {record.person: record for record in db.all_standing()} if db else {}
        )

    def all(self) -> None:
        """One person after the other: what fails for one keeps nobody else's."""
        for person in sorted(self._over()):
            self._each(person)
        for binding in self.bound or ():
            record = self.records.get(binding.person)
            if binding.person in self.done.ended:
                continue
            if record and record.until > self.now and self._is_over(binding):
                self._remove([binding])  # of an earlier grant than the one that stands
            elif self.db and record is None and binding.grant and not self._is_over(binding):
                self._found(binding)
        if self.db and not self.done.problems:
            self.db.reaped(self.now)

    def _over(self) -> set[str]:
        """Whose access has ended: the list says so, or where the list says nothing, what stands itself."""
        on_list = {person for person, record in self.records.items() if record.until <= self.now}
        beside = {binding.person for binding in self.bound or () if self._is_over(binding)}
        if self.db:
            beside |= set(self.db.expired(self.now))
        return on_list | (beside - self.records.keys())

    def _is_over(self, one: Binding) -> bool:
        # One whose end cannot be read was made by no command of ours, and has none to wait for.
        return one.until is None or one.until <= self.now

    def _each(self, person: str) -> None:
        try:
            self._end(person)
        except Refused as refusal:
            self.done.problems.append(f"{person}: {refusal.detail}")
            return
        record = self.records.get(person)
        if record and record.in_kubernetes and self.bound is None:
            self.done.problems.append(f"{person}: not ended in Kubernetes, which could not be asked")
            return
        if self.db:
            self.db.ended(person, now=self.now, by=BY)
            self.db.commit()
        self.done.ended.append(person)

    def _found(self, one: Binding) -> None:
        """Given while the database was away: from here on it is on the list. One by an approval that was used
        before is nobody's to have."""
        if self.db is None or one.grant is None:
            return
        try:
            self.db.record(one.grant, in_database=False)
            self.records[one.person] = Record(**{name: getattr(one.grant, name) for name in _FIELDS})
        except Refused as refusal:
            self.done.problems.append(f"{one.person}: {refusal.detail}")
            self._each(one.person)

    def _end(self, person: str) -> None:
        self._remove([binding for binding in self.bound or () if binding.person == person])
        if self.db and self.db.shut(person):
            self.db.commit()
            self.db.end(person)
            self.db.commit()

    def _remove(self, some: Sequence[Binding]) -> None:
        for binding in some:
            if self.bindings:
                self.bindings.remove(binding.name)


_FIELDS = ("person", "role", "granted_at", "until", "reason", "requested_by", "approved_by", "approval")
