"""Mail on its way: a real SMTP server that accepts, refuses, stalls and breaks off; an outbox that neither
loses a message nor sends one twice."""

from __future__ import annotations

import asyncio
import email
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from email.policy import default
from typing import Any
from uuid import UUID

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from hotel_booking import worker
from hotel_booking.core.clock import utc_now
from hotel_booking.core.db import Database
from hotel_booking.domains.notifications import queries, service
from hotel_booking.domains.notifications.errors import MessageNotFound, NotToBeSentAgain
from hotel_booking.domains.notifications.rendering import render
from hotel_booking.domains.notifications.samples import SAMPLES
from hotel_booking.domains.notifications.types import Delivery, Rendered
from hotel_booking.domains.payments.gateway import Gateways
from hotel_booking.integrations.sandbox import SandboxGateway
from hotel_booking.integrations.smtp import SmtpMailer

SENDER = "Sample Hotel <hotel@example.com>"


class Mailbox:
    """What a mail server does with a message: `mood` says what."""

    def __init__(self, mood: str = "good") -> None:
        self.mood = mood
        self.received: list[Envelope] = []

    async def handle_RCPT(  # noqa: N802  # aiosmtpd's name
        self, server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        match self.mood:
            case "busy":
                return "451 try again later"
            case "unknown":
                return "550 no such mailbox"
            case "drops early":
                break_off(server)
                await asyncio.sleep(3600)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802  # aiosmtpd's name
        self, server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        self.received.append(envelope)
        match self.mood:
            case "full":
                return "552 mailbox full"
            case "greylisted":
                return "450 come back"
            case "stalls":
                await asyncio.sleep(3600)
            case "drops late":
                break_off(server)
                await asyncio.sleep(3600)
        return "250 taken"


def break_off(server: SMTP) -> None:
    assert isinstance(server.transport, asyncio.WriteTransport)
    server.transport.abort()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def mail_server(mailbox: Mailbox) -> Iterator[str]:
    port = free_port()
    controller = Controller(mailbox, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield f"smtp://127.0.0.1:{port}"
    finally:
        controller.stop(no_assert=True)


SAMPLE = render("booking_held", "ar", SAMPLES["booking_held"], sender="Sample Hotel")


async def send(url: str, recipient: str = "guest@example.org", seconds: float = 1.0) -> Delivery:
    mailer = SmtpMailer(url, sender=SENDER, seconds=seconds)
    return await mailer.send(message_id="m1", recipient=recipient, rendered=SAMPLE)


async def test_a_message_arrives_whole_in_both_parts() -> None:
    mailbox = Mailbox()
    with mail_server(mailbox) as url:
        assert (await send(url)).outcome == "sent"
    (envelope,) = mailbox.received
    assert (envelope.mail_from, envelope.rcpt_tos) == ("hotel@example.com", ["guest@example.org"])
    assert isinstance(envelope.content, bytes)
    message = email.message_from_bytes(envelope.content, policy=default)
    assert message["subject"] == SAMPLE.subject
    assert message["message-id"] == "<m1@example.com>"
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    assert text is not None
    assert html is not None
    assert text.get_content().split() == SAMPLE.text.split()
    assert html.get_content().split() == SAMPLE.html.split()


async def test_a_line_that_is_a_dot_ends_nothing() -> None:
    mailbox = Mailbox()
    dotted = Rendered("s", ".\n..\n.hidden\nend", "<p>.</p>", "en", rtl=False)
    with mail_server(mailbox) as url:
        mailer = SmtpMailer(url, sender=SENDER, seconds=1)
        delivery = await mailer.send(message_id="m", recipient="a@example.org", rendered=dotted)
    assert delivery.outcome == "sent"
    content = mailbox.received[0].content
    assert isinstance(content, bytes)
    assert b"\r\n.\r\n..\r\n.hidden\r\nend" in content


@pytest.mark.parametrize(
    ("mood", "outcome"),
    [
        ("busy", "again"),
        ("unknown", "failed"),
        ("full", "failed"),
        ("greylisted", "again"),
        ("drops early", "again"),
        ("drops late", "uncertain"),
        ("stalls", "uncertain"),
    ],
)
async def test_what_a_server_does_is_what_becomes_of_the_message(mood: str, outcome: str) -> None:
    with mail_server(Mailbox(mood)) as url:
        assert (await send(url, seconds=0.5)).outcome == outcome


async def test_a_server_that_is_not_there_is_tried_again() -> None:
    with mail_server(Mailbox()) as url:
        pass
    assert (await send(url)).outcome == "again"
    assert (await send(url.replace("smtp://", "smtps://"))).outcome == "again"


async def test_an_address_that_is_none_is_refused_without_asking() -> None:
    assert (await send("smtp://127.0.0.1:1", "a@b\r\nRCPT TO:<c@example.org>")).outcome == "failed"


# the outbox ---------------------------------------------------------------------------------------


async def queued(db: Database, event: str = "e1", **changes: Any) -> UUID:
    async with db.transaction() as tx:
        await queue_one(tx, event, **changes)
        found: UUID = await tx.fetchval("SELECT id FROM mail_message WHERE event_key = $1", event)
    return found


async def queue_one(tx: Any, event: str, **changes: Any) -> bool:
    values: dict[str, Any] = {
        "template": "password_reset",
        "language": "en",
        "recipient": "guest@example.org",
        "data": SAMPLES["password_reset"],
        "now": utc_now(),
        **changes,
    }
    return await service.queue(tx, event_key=event, **values)


async def work(url: str, mailer: Any) -> None:
    """Run a worker until its queue is empty."""
    await worker.run(
        url, lambda _: Gateways(SandboxGateway()), mailer=mailer, wait=False, concurrency=4, pool_size=4
    )


async def status(db: Database, message_id: UUID) -> tuple[str, int]:
    async with db.transaction() as tx:
        row = await tx.fetchrow("SELECT status, attempts FROM mail_message WHERE id = $1", message_id)
    assert row is not None
    return row["status"], row["attempts"]


class Answers:
    """A mailer that gives the answers it was told to, and counts."""

    def __init__(self, *outcomes: str) -> None:
        self.outcomes = list(outcomes)
        self.sent: list[tuple[str, Rendered]] = []

    async def send(self, *, message_id: str, recipient: str, rendered: Rendered) -> Delivery:
        assert recipient
        self.sent.append((message_id, rendered))
        await asyncio.sleep(0.05)
        outcome = self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]
        return Delivery(outcome, f"said {outcome}")  # type: ignore[arg-type]  # each case is one of them


async def test_a_message_goes_out_with_its_transaction_or_not_at_all(db: Database, database_url: str) -> None:
    mailer = Answers("sent")
    with suppress(ZeroDivisionError):
        async with db.transaction() as tx:
            await queue_one(tx, "lost")
            raise ZeroDivisionError
    kept = await queued(db)
    await work(database_url, mailer)
    assert [message_id for message_id, _ in mailer.sent] == [str(kept)]
    assert await status(db, kept) == ("sent", 1)


async def test_an_event_is_told_of_once_whoever_asks(db: Database, database_url: str) -> None:
    async def once() -> bool:
        async with db.transaction() as tx:
            return await queue_one(tx, "same")

    assert sorted(await asyncio.gather(*(once() for _ in range(8)))) == [False] * 7 + [True]
    mailer = Answers("sent")
    await asyncio.gather(work(database_url, mailer), work(database_url, mailer))
    assert len(mailer.sent) == 1


async def test_jobs_that_run_twice_send_once(db: Database, database_url: str) -> None:
    message_id = await queued(db)
    async with db.transaction() as tx:
        for _ in range(5):
            await tx.execute(
                "SELECT enqueue('mail', 'notifications:deliver', $1, now())", {"message_id": str(message_id)}
            )
    mailer = Answers("sent")
    await asyncio.gather(work(database_url, mailer), work(database_url, mailer))
    assert len(mailer.sent) == 1


async def test_a_refusal_for_now_is_tried_again_later_and_for_good_is_a_dead_letter(
    db: Database, database_url: str
) -> None:
    message_id = await queued(db)
    await work(database_url, Answers("again"))
    assert await status(db, message_id) == ("waiting", 1)
    async with db.transaction() as tx:
        at = await tx.fetchval("SELECT scheduled_at FROM procrastinate_jobs WHERE queue_name = 'mail'")
        assert timedelta(0) < at - utc_now() < timedelta(seconds=3)
        await tx.execute("UPDATE procrastinate_jobs SET scheduled_at = now()")
    await work(database_url, Answers("failed"))
    assert await status(db, message_id) == ("failed", 2)
    async with db.transaction() as tx:
        assert [attempt.outcome for attempt in await queries.attempts(tx, message_id)] == ["failed", "again"]


async def test_a_message_that_is_refused_for_a_day_is_given_up(db: Database, database_url: str) -> None:
    message_id = await queued(db)
    async with db.transaction() as tx:
        await tx.execute("UPDATE mail_message SET attempts = $1", service.MOST_ATTEMPTS - 1)
    await work(database_url, Answers("again"))
    assert await status(db, message_id) == ("failed", service.MOST_ATTEMPTS)


async def test_what_nobody_knows_is_never_sent_again_by_itself(db: Database, database_url: str) -> None:
    message_id = await queued(db)
    await work(database_url, Answers("uncertain"))
    assert await status(db, message_id) == ("uncertain", 1)
    mailer = Answers("sent")
    async with db.transaction() as tx:
        await service.sweep(tx, now=utc_now() + timedelta(days=3), lost_after=timedelta(0))
    await work(database_url, mailer)
    assert mailer.sent == []
    async with db.transaction() as tx:
        await service.send_again(tx, message_id=message_id, within=None, now=utc_now())
    await work(database_url, mailer)
    assert await status(db, message_id) == ("sent", 1)


async def test_a_worker_that_dies_while_sending_leaves_a_message_of_which_nobody_knows(db: Database) -> None:
    message_id = await queued(db)
    async with db.transaction() as tx:
        assert await service.begin(tx, message_id=message_id, now=utc_now()) is not None
    async with db.transaction() as tx:
        assert await service.begin(tx, message_id=message_id, now=utc_now()) is None
        assert await service.sweep(tx, now=utc_now(), lost_after=timedelta(minutes=10)) == 0
        later = utc_now() + timedelta(minutes=11)
        assert await service.sweep(tx, now=later, lost_after=timedelta(minutes=10)) == 1
    assert await status(db, message_id) == ("uncertain", 1)


async def test_without_a_mail_server_messages_wait_and_go_out_once_there_is_one(
    db: Database, database_url: str
) -> None:
    message_id = await queued(db)
    await work(database_url, None)
    assert await status(db, message_id) == ("waiting", 0)
    async with db.transaction() as tx:
        assert await service.sweep(tx, now=utc_now() + timedelta(hours=3), lost_after=timedelta(0)) == 1
        await tx.execute("UPDATE procrastinate_jobs SET scheduled_at = now() WHERE status = 'todo'")
    await work(database_url, Answers("sent"))
    assert await status(db, message_id) == ("sent", 1)


async def test_a_link_that_opens_an_account_is_forgotten_once_it_is_on_its_way(
    db: Database, database_url: str
) -> None:
    message_id = await queued(db)
    mailer = Answers("sent")
    await work(database_url, mailer)
    assert SAMPLES["password_reset"]["link"] in mailer.sent[0][1].text
    async with db.transaction() as tx:
        message = await queries.find(tx, message_id)
    assert message is not None
    assert "link" not in message.data


@pytest.mark.parametrize(
    "newer", [{"data": {}}, {"template": "of_a_newer_release"}], ids=["data", "template"]
)
async def test_what_a_newer_release_queued_is_left_to_its_worker_and_after_an_hour_a_dead_letter(
    db: Database, database_url: str, newer: dict[str, Any]
) -> None:
    """While a release is rolled out its web processes queue messages that the old worker cannot write."""
    left, given_up = await queued(db, "left", **newer), await queued(db, "given up", **newer)
    async with db.transaction() as tx:
        last = service.MOST_ATTEMPTS_UNWRITTEN - 1
        # The mail server was away for an hour before: that says nothing of this release.
        await tx.execute("UPDATE mail_message SET attempts = $1", last)
        await tx.execute(
            "INSERT INTO mail_attempt (message_id, at, outcome, reply)"
            " SELECT $1, now(), 'again', 'the message cannot be written by this release: ' || $3::text"
            "   FROM generate_series(1, $2)",
            given_up,
            last,
            "KeyError" if "template" in newer else "UndefinedError",
        )
    mailer = Answers("sent")
    await work(database_url, mailer)
    assert mailer.sent == []
    assert await status(db, left) == ("waiting", last + 1)
    assert await status(db, given_up) == ("failed", service.MOST_ATTEMPTS_UNWRITTEN)
    async with db.transaction() as tx:
        (attempt,) = await queries.attempts(tx, left)
        assert "by this release" in str(attempt.reply)
        assert await queries.dead_letters(tx, utc_now()) == 1
        # The mail server is in no trouble, and the status page says none.
        assert (await queries.trouble(tx)).failed_at is None
        known = "UPDATE mail_message SET template = 'password_reset', data = $1 WHERE id = $2"
        await tx.execute(known, SAMPLES["password_reset"], left)
        await tx.execute("UPDATE procrastinate_jobs SET scheduled_at = now()")
    await work(database_url, mailer)
    assert await status(db, left) == ("sent", last + 2)


async def test_only_what_failed_is_sent_again_and_only_by_those_who_see_it(db: Database) -> None:
    message_id = await queued(db)
    async with db.transaction() as tx:
        with pytest.raises(NotToBeSentAgain):
            await service.send_again(tx, message_id=message_id, within=None, now=utc_now())
        with pytest.raises(MessageNotFound):
            await service.send_again(tx, message_id=message_id, within=frozenset({1}), now=utc_now())
