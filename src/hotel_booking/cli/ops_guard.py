"""hotel-booking ops guard: watches over the platform in its cluster, and may act on it (`ops/guard`)."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Annotated, Any

import typer

from hotel_booking.cli.ops_inputs import DryRun

log = logging.getLogger("hotel_booking.guard")
_EXPECTED = timedelta(
    minutes=60
)  # until the gateway opens again; `ops maintenance on --minutes` says otherwise
_LOOKED = 1.0  # seconds
_AGAIN = 5.0
_MOST_WAITING = 20


def guard(
    host: Annotated[str, typer.Option(help="Where to listen for Alertmanager.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Where to listen; 0 for any.", min=0, max=65_535)] = 9110,
    dry_run: DryRun = False,
) -> None:
    """Run in the cluster until stopped: go back to the release before when Alertmanager tells of an alert
    with the label `rollback: automatic`, and keep the application closed while the gateway is. Alerts are
    taken from who shows HOTEL_ALERTMANAGER_TOKEN. With --dry-run only say what would be done."""
    from hotel_booking.core.clock import utc_now
    from hotel_booking.core.environment import read_settings
    from hotel_booking.core.logging import configure
    from hotel_booking.ops.guard.gateway import Gateway
    from hotel_booking.ops.guard.receiver import Inbox, listening
    from hotel_booking.ops.guard.rollback import Guard
    from hotel_booking.ops.kubernetes import Api
    from hotel_booking.ops.refusals import WrongUse

    settings = read_settings(os.environ)
    configure(settings.log_level, human=settings.environment == "demo")
    if settings.alertmanager_token is None:
        raise WrongUse("HOTEL_ALERTMANAGER_TOKEN is not set: alerts would be taken from nobody")
    if not settings.kubernetes_namespace:
        raise WrongUse("HOTEL_KUBERNETES_NAMESPACE is not set: which platform is this to watch over?")
    api, inbox, stopped = Api.in_pod(os.environ), Inbox(), threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    tracker = Tracker(settings.database_url)
    gateway = Gateway(
        api,
        close=lambda: dry_run or _told(settings.database_url, closed=True),
        reopen=lambda: dry_run or _told(settings.database_url, closed=False),
    )
    acting = Guard(
        api,
        settings.kubernetes_namespace,
        found=lambda: _asked(settings.database_url, _schema()),
        closed=lambda: gateway.closed or _asked(settings.database_url, _closed_until()) is not None,
        tell=tracker.hear,
        clock=utc_now,
        pause=lambda seconds: _pause(stopped, seconds),
        dry_run=dry_run,
    )

    watch = _Watch(acting, gateway, tracker, inbox, stopped, dry_run=dry_run)
    try:
        with listening(host, port, settings.alertmanager_token, inbox) as at:
            log.info("watching over %s, listening on %s:%s", settings.kubernetes_namespace, host, at)
            watch.run()
    except OSError as error:
        raise WrongUse(f"cannot listen on {host}:{port}: {error.strerror or error}") from None


class _Watch:
    """The two threads of it: going back may take minutes, and the gateway is looked at each second."""

    def __init__(
        self,
        guard: Any,
        gateway: Any,
        tracker: Tracker,
        inbox: Any,
        stopped: threading.Event,
        *,
        dry_run: bool,
    ) -> None:
        self._guard, self._gateway, self._tracker, self._inbox = guard, gateway, tracker, inbox
        self._stopped, self._dry_run = stopped, dry_run

    def run(self) -> None:
        """Until told to stop."""
        works = (self._going_back, self._telling)
        threads = [threading.Thread(target=_always(work, self._stopped)) for work in works]
        for thread in threads:
            thread.start()
        self._stopped.wait()
        for thread in threads:
            thread.join()

    def _going_back(self) -> None:
        from hotel_booking.ops.refusals import Refused

        waiting: list[Any] = []
        begun = not self._dry_run  # perhaps, by one that was killed
        while not self._stopped.is_set():
            waiting += self._inbox.take(_LOOKED)
            try:
                if begun:
                    self._guard.take_up()
                    begun = False
                self._guard.alerted(waiting)
                waiting.clear()
            except Refused as refusal:
                log.warning("not decided yet: %s", refusal.detail)
                waiting, begun = waiting[-_MOST_WAITING:], not self._dry_run
                self._stopped.wait(_AGAIN)

    def _telling(self) -> None:
        while not self._stopped.wait(_LOOKED):
            self._gateway.look()
            self._tracker.tell()


class Stopped(Exception):
    """We are told to stop while something is waited for: it is taken up by the next one."""


def _pause(stopped: threading.Event, seconds: float) -> None:
    if stopped.wait(seconds):
        raise Stopped


def _always(run: Callable[[], None], stopped: threading.Event) -> Callable[[], None]:
    """A thread's work, begun again when it dies of something that nobody thought of."""

    def go_on() -> None:
        while not stopped.is_set():
            try:
                run()
            except Stopped:
                return
            except Exception:  # logged whole; the other half of the guard must go on
                log.exception("unexpected; it begins again")
                stopped.wait(_AGAIN)

    return go_on


class Tracker:
    """Decisions on their way to log, audit log and incident tracker; those that the database cannot take wait
    here, and on disk for the audit log."""

    def __init__(self, database_url: str) -> None:
        self._url = database_url
        self._waiting: deque[tuple[Any, Any]] = deque(maxlen=100)
        self._next = 0.0

    def hear(self, event: Any) -> None:
        """A decision."""
        from hotel_booking.core.clock import utc_now
        from hotel_booking.ops import spool
        from hotel_booking.ops.operation import acts, tell_audit_log

        said = f"{event.outcome}: {event.release} -> {event.to or 'stays'} ({event.alert}): {event.text}"
        log.warning("rollback %s", said)
        now = utc_now()
        detail = {"outcome": event.outcome, "to": event.to, "alert": event.alert, "reason": event.text}
        with suppress(OSError):  # a full disk must not keep a bad release in service
            spool.note(
                acts(os.environ),
                action="ops.rollback",
                object_kind="ops",
                object_id=event.release or "unknown",
                now=now,
                detail=detail,
            )
        self._waiting.append((event, now))
        tell_audit_log(os.environ)

    def tell(self) -> None:
        """Have the tracker know what waits, in its order; once in some seconds."""
        import time

        if not self._waiting or time.monotonic() < self._next:
            return
        self._next = time.monotonic() + _AGAIN
        event, decided_at = self._waiting[0]
        try:
            if self._noted(event, decided_at):
                self._waiting.popleft()
                self._next = 0.0
        except Exception as error:  # a database that is away, in any of its ways: it is tried again
            log.info("the tracker does not know yet: %s", type(error).__name__)

    def _noted(self, event: Any, decided_at: Any) -> bool:
        import asyncio

        from hotel_booking.core.clock import utc_now
        from hotel_booking.core.db import Database, Origin
        from hotel_booking.domains.incidents import service

        text = {
            "begun": f"{event.release} is rolled back to {event.to}. {event.text}",
            "done": f"{event.release} was rolled back: {event.text}.",
            "failed": f"{event.release} could not be rolled back to {event.to}: {event.text}",
            "refused": f"{event.release} was not rolled back automatically: {event.text}",
        }[event.outcome]

        async def note() -> bool:
            origin = Origin("command", name="hotel-booking ops guard")
            async with Database.open(self._url, size=1) as db, db.acting(origin).transaction() as tx:
                now = utc_now()
                declares = event.outcome != "refused"
                found = await service.note_rollback(
                    tx, alert=event.alert, text=text, decided_at=decided_at, declares=declares, now=now
                )
                if found is not None and event.outcome == "done":
                    await service.ask_for_git(tx, incident_id=found, to=event.to, now=now)
                return found is not None or (not declares and now - decided_at > timedelta(minutes=2))

        return asyncio.run(note())


def _told(database_url: str, *, closed: bool) -> bool:
    """Whether the application could be told that the gateway is closed, or open."""
    import asyncio

    from hotel_booking.cli import ops_maintenance
    from hotel_booking.core.clock import utc_now

    until = utc_now() + _EXPECTED
    try:
        asyncio.run(
            ops_maintenance.on_database(
                database_url,
                lambda run: (
                    ops_maintenance.close(run, until=until, by_gateway=True)
                    if closed
                    else ops_maintenance.reopen(run, by_gateway=True)
                ),
            )
        )
    except Exception as error:  # a database that is away, in any of its ways: it is told again
        log.warning(
            "the application does not know yet that the gateway has changed: %s", type(error).__name__
        )
        return False
    return True


def _schema() -> str:
    from hotel_booking.core.schema import FOUND

    return FOUND


def _closed_until() -> str:
    from hotel_booking.domains.incidents.closure import CLOSED_UNTIL

    return CLOSED_UNTIL


def _asked(database_url: str, statement: str) -> Any:
    """The statement's value; None also where the database does not answer soon."""
    import psycopg

    try:
        with psycopg.connect(database_url, connect_timeout=3) as connection:
            row = connection.execute(statement.encode()).fetchone()
    except psycopg.Error:
        return None
    return row[0] if row else None
