"""The index in a process of the server: attached, read, and in one of them written.

All processes map one file. Who holds the folder's lock loads it, where there is none to go on from, and
follows the database; the others read, and look whether another file counts or nobody writes any more.
`current` is what requests ask: it gives nothing while no index is in step, and SQL serves.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np

from hotel_booking.core.db import Database, DatabaseUnavailable
from hotel_booking.core.metrics import REPLICA_READS
from hotel_booking.core.replica import NOT_READ, Replica
from hotel_booking.domains.search.index.files import Folder, FolderRefused, Pointer
from hotel_booking.domains.search.index.follow import Follower, LoadAgain
from hotel_booking.domains.search.index.layout import (
    COMPLETE,
    FOLLOWED,
    HEAP,
    PAIRS,
    PROPERTIES,
    RATES,
    ROWS,
    SORTED,
    TYPES,
    VERSION,
    Arrays,
    instant_of,
)
from hotel_booking.domains.search.index.load import load
from hotel_booking.domains.search.index.view import IndexView
from hotel_booking.domains.search.index.writer import IndexFull, Writer

log = logging.getLogger(__name__)

Doing = Literal["off", "loading", "following", "reading"]


class Figures(msgspec.Struct, frozen=True):
    """What a process tells of its index. `behind` is how many seconds ago it was last in step (None: there is
    none); `applied` counts the changes that this process has followed."""

    state: Doing
    behind: float | None = None
    applied: int = 0
    properties: int = 0
    room_types: int = 0
    nights: int = 0
    bytes: int = 0
    generation: int = 0


_AHEAD = timedelta(seconds=1)  # between the clock of a request and the writer's
_FULL = 0.95  # of what fits: then a larger file is made, while this one is followed on
# Properties that came since the file was loaded stand in no order, and every search of an area looks at them
# all. More than so many, and than such a part of the others, are sorted in by a new file, while this one is
# followed on.
_TAIL, _TAIL_SHARE = 1_000, 0.02
_PAUSE = 5.0  # seconds at most before what has failed is tried again
_MOST_ROOM = 64


class SearchIndex:
    """The index of one process. `run` keeps it for as long as the process lives."""

    def __init__(
        self,
        db: Database,
        folder: Folder,
        *,
        clock: Callable[[], datetime],
        poll: float,
        stale: float,
        replica: Replica | None = None,
    ) -> None:
        self._db = db
        self._replica = replica
        self._folder = folder
        self._clock = clock
        self._poll = poll
        self._stale = timedelta(seconds=stale)
        self._pointer: Pointer | None = None
        self._arrays: Arrays | None = None
        self._view: IndexView | None = None
        self._follower: Follower | None = None
        self._room = 1
        self._enlarged: Pointer | None = None
        self._failures = 0
        self._refusal = ""
        self.state: Doing = "off"
        self.applied = 0

    def current(self, now: datetime) -> IndexView | None:
        """The index for a request at `now`; None where it was not in step with the database then."""
        view = self._view
        if view is None or not view.complete:
            return None
        followed = instant_of(view.header[FOLLOWED])
        return view if now - self._stale <= followed <= now + _AHEAD else None

    async def run(self) -> None:
        """Until cancelled. Whatever the database or the disk has, requests go on without the index."""
        try:
            while True:
                try:
                    await self._step()
                    self._failures, self._refusal = 0, ""
                except FolderRefused as error:
                    if str(error) != self._refusal:
                        log.warning("search_index.off reason=%s", error)
                    self._refusal = str(error)
                    self._withdraw()
                    await asyncio.sleep(_PAUSE)
                except IndexFull:
                    self._room = min(2 * self._room, _MOST_ROOM)
                    log.info("search_index.loads_again reason=full room=%d", self._room)
                    self._withdraw()
                    await asyncio.sleep(_PAUSE if self._room == _MOST_ROOM else 0)
                except LoadAgain as error:
                    log.info("search_index.loads_again reason=%s", error)
                    self._withdraw()
                except Exception as error:  # this goes on for as long as the process
                    self._failures = min(self._failures + 1, 10)
                    mistake = not isinstance(error, (DatabaseUnavailable, OSError))
                    if self._failures == 1:
                        log.warning("search_index.not_followed error=%s", error, exc_info=mistake)
                    if mistake and self._follower and self._follower.writer.header[VERSION] % 2:
                        self._withdraw()  # it was ended in the middle of a property
                    await asyncio.sleep(min(self._poll * 2**self._failures, _PAUSE))
                await asyncio.sleep(self._poll)
        finally:
            self._folder.leave()

    async def _step(self) -> None:
        if self._folder.become_writer():
            if self._follower is None:
                await self._take_over()
            await self._write()
        else:
            self._attach_newest()

    def figures(self) -> Figures:
        """What there is now."""
        arrays, pointer = self._arrays, self._pointer
        if arrays is None or pointer is None:
            return Figures(self.state, applied=self.applied)
        header = arrays["header"]
        return Figures(
            self.state,
            behind=(self._clock() - instant_of(int(header[FOLLOWED]))).total_seconds(),
            applied=self.applied,
            properties=len(np.flatnonzero(arrays["state"][: header[PROPERTIES]])),
            room_types=int(header[TYPES]),
            nights=int(header[TYPES]) * ROWS,
            bytes=arrays.bytes_used(),
            generation=pointer.generation,
        )

    # -- the writer ------------------------------------------------------------------------------------------

    async def _take_over(self) -> None:
        """Go on with the file that counts, or load another."""
        pointer = self._folder.pointer()
        arrays = self._folder.open(pointer, writable=True) if pointer else None
        if pointer is None or arrays is None:
            await self._load()
            return
        # Listing half a million columns takes a second: not in the way of requests.
        writer = await asyncio.to_thread(Writer, arrays, pointer.identity)
        self._follower = Follower(self._db, writer)
        self._attach(pointer)

    async def _write(self) -> None:
        if self._follower is None:
            return
        self._folder.check_room()
        self.applied += await self._follower.follow(self._clock())
        self.state = "following"
        if _has_long_tail(self._follower.writer):
            log.info("search_index.loads_again reason=unsorted")
            await self._load()
        elif _is_nearly_full(self._follower.writer):
            # Full again at once: what there is takes more than is usual.
            self._room = min(2 * self._room, _MOST_ROOM) if self._pointer == self._enlarged else self._room
            await self._load()
            self._enlarged = self._pointer

    async def _load(self) -> None:
        """Make a new file; the one that counts is followed meanwhile."""
        self._folder.check_room()
        if self._follower is None:
            self.state = "loading"
        generation, path = self._folder.next_file()
        loading = asyncio.create_task(self._loaded(path))
        try:
            while not loading.done():
                await asyncio.wait([loading], timeout=self._poll)
                self._folder.check_room()
                if self._follower is not None:
                    self.applied += await self._follower.follow(self._clock())
            writer = await loading
        finally:
            loading.cancel()
        follower = Follower(self._db, writer)
        await follower.follow(self._clock())
        self._follower = follower
        self._attach(self._folder.publish(generation, writer.identity))
        self.state = "following"  # in the same step: what can be searched is not told to be loading

    async def _loaded(self, path: Path) -> Writer:
        """Read of the replica where one can be read; always followed on the primary."""
        if self._replica is not None:
            try:
                writer = await load(self._db, path, now=self._clock(), room=self._room, replica=self._replica)
            except NOT_READ as error:
                log.warning("search_index.replica_not_read error=%s", error)
            else:
                REPLICA_READS.labels("replica").inc()
                return writer
            REPLICA_READS.labels("primary").inc()
        return await load(self._db, path, now=self._clock(), room=self._room)

    def _withdraw(self) -> None:
        """The file is not in step any more, and cannot be brought there."""
        if self._follower is not None:
            self._follower.writer.header[COMPLETE] = 0
        self._folder.withdraw()
        self._drop()

    def _drop(self) -> None:
        self._follower = self._arrays = self._view = self._pointer = None
        self.state = "off"

    # -- readers ---------------------------------------------------------------------------------------------

    def _attach_newest(self) -> None:
        pointer = self._folder.pointer()
        if pointer is None:
            self._drop()
        elif pointer != self._pointer:
            self._attach(pointer)
            self.state = "reading"

    def _attach(self, pointer: Pointer) -> None:
        arrays = self._folder.open(pointer)
        self._arrays, self._pointer = arrays, pointer if arrays else None
        self._view = IndexView(arrays) if arrays else None
        if arrays is not None:
            # Searches are answered meanwhile, and changes followed.
            asyncio.get_running_loop().run_in_executor(None, arrays.touch)


def _has_long_tail(writer: Writer) -> bool:
    ordered = int(writer.header[SORTED])
    return int(writer.header[PROPERTIES]) - ordered > max(_TAIL, ordered * _TAIL_SHARE)


def _is_nearly_full(writer: Writer) -> bool:
    size, header = writer.arrays.capacity, writer.header
    return any(
        header[used] > capacity * _FULL
        for used, capacity in (
            (PROPERTIES, size.properties),
            (TYPES, size.types),
            (RATES, size.rates),
            (PAIRS, size.pairs),
            (HEAP, size.heap),
        )
    )
