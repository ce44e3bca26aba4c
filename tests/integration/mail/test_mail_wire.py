"""What passes over the wire: encryption, passwords, silence at every step, answers that make no sense, and a
worker that is killed while the mail server thinks."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from hotel_booking import worker
from hotel_booking.core.clock import utc_now
from hotel_booking.core.config import Settings
from hotel_booking.core.db import Database
from hotel_booking.core.setting import ConfigError
from hotel_booking.domains.notifications import queries, service
from hotel_booking.domains.notifications.rendering import render
from hotel_booking.domains.notifications.samples import SAMPLES
from hotel_booking.domains.notifications.types import Delivery
from hotel_booking.domains.payments.gateway import Gateways
from hotel_booking.integrations.sandbox import SandboxGateway
from hotel_booking.integrations.smtp import SmtpMailer
from tests.clients.processes import Forked
from tests.factories.certificates import certificate
from tests.integration.mail.test_mail import (
    SENDER,
    Mailbox,
    free_port,
    mail_server,
    queued,
    status,
    work,
)

SAMPLE = render("booking_confirmed", "ar", SAMPLES["booking_confirmed"], sender="Sample Hotel")
# What a server says when all is well, step by step; the last is its word on the message itself.
GOOD = ["220 hotel.example", "250 hotel.example", "250 sender", "250 recipient", "354 go on", "250 taken"]


async def send(url: str, recipient: str = "guest@example.org", seconds: float = 0.5) -> Delivery:
    mailer = SmtpMailer(url, sender=SENDER, seconds=seconds)
    return await mailer.send(message_id="m1", recipient=recipient, rendered=SAMPLE)


# answers that make no sense, and none --------------------------------------------------------------


@asynccontextmanager
async def scripted(answers: list[str]) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server that gives these answers in turn and then says nothing more; "" closes the connection."""
    heard: list[bytes] = []
    over = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in answers:
            if not answer:
                break
            writer.write(answer.encode() + b"\r\n")
            await writer.drain()
            end = b"\r\n.\r\n" if answer.startswith("354 go") else b"\r\n"
            heard.append(await reader.readuntil(end))
        else:
            await over.wait()
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    try:
        yield f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}", heard
    finally:
        over.set()
        server.close()


@pytest.mark.parametrize("step", range(len(GOOD)))
@pytest.mark.parametrize("silent", [True, False])
async def test_silence_before_the_message_is_tried_again_and_after_it_never(step: int, silent: bool) -> None:
    async with scripted(GOOD[:step] if silent else [*GOOD[:step], ""]) as (url, _):
        found = await send(url)
    assert found.outcome == ("uncertain" if step == len(GOOD) - 1 else "again")


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        ("250 taken", "sent"),
        ("251 taken as well", "sent"),
        ("421 closing down", "again"),
        ("452 no room", "again"),
        ("554 spam", "failed"),
        ("999 hello", "uncertain"),
        ("354 go on", "uncertain"),
        ("taken, thank you", "uncertain"),
        ("2", "uncertain"),
        ("250" + "x" * 9000, "uncertain"),
    ],
)
async def test_only_a_clear_refusal_of_the_message_lets_it_go_out_again(answer: str, outcome: str) -> None:
    async with scripted([*GOOD[:-1], answer]) as (url, _):
        assert (await send(url)).outcome == outcome


@pytest.mark.parametrize(("answer", "outcome"), [("554 not from you", "again"), ("421 busy", "again")])
async def test_a_server_that_wants_nothing_from_us_says_nothing_about_the_message(
    answer: str, outcome: str
) -> None:
    async with scripted([answer]) as (url, _):
        found = await send(url)
    # Each case is one of them.
    assert found == Delivery(outcome, answer, unreachable=True)  # type: ignore[arg-type]


async def test_the_message_is_ascii_on_the_wire_and_the_server_is_told_goodbye() -> None:
    async with scripted([*GOOD, "221 bye"]) as (url, heard):
        assert (await send(url, "jo@bücher.example")).outcome == "sent"
        await asyncio.sleep(0.05)
    assert heard[2].lower() == b"rcpt to:<jo@xn--bcher-kva.example>\r\n"
    assert heard[4].isascii()
    assert max(len(line) for line in heard[4].split(b"\r\n")) < 998
    assert heard[5].lower() == b"quit\r\n"


@pytest.mark.parametrize(
    ("url", "sender"),
    [
        ("smtp://mail.example:port", SENDER),
        ("mail.example", SENDER),
        ("smtp://mail.example", "nobody"),
        ("smtp://mail.example", ""),
        ("smtp://mail.example", "Hotel <a b@example.com>"),
    ],
)
def test_settings_with_which_nothing_could_go_out_are_refused_at_the_start(url: str, sender: str) -> None:
    with pytest.raises(ConfigError):
        SmtpMailer(url, sender=sender)


def test_the_usual_sender_is_good_enough() -> None:
    sender = Settings(database_url="").mail_from
    assert sender
    SmtpMailer("smtp://mail.example", sender=sender)  # or it would refuse it


# encryption and passwords --------------------------------------------------------------------------


def authenticate(
    _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, login: LoginPassword
) -> AuthResult:
    # Not `handled`: the server has to answer a wrong password, 535, and not leave the client waiting.
    right = (login.login, login.password) == (b"ho:tel", b"p@ss w/rd")
    return AuthResult(success=right, handled=right)


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
@pytest.mark.parametrize("scheme", ["smtp+starttls", "smtps"])
@pytest.mark.parametrize("trusted", [True, False])
async def test_only_a_server_that_proves_its_name_gets_the_password_and_the_message(
    scheme: str, trusted: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pem = certificate(tmp_path)
    served = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    served.load_cert_chain(pem)
    mailbox = Mailbox()
    port = free_port()
    controller = Controller(
        mailbox,
        hostname="127.0.0.1",
        port=port,
        authenticator=authenticate,
        auth_required=True,
        auth_require_tls=scheme != "smtps",  # aiosmtpd knows only of TLS that it began itself
        ssl_context=served if scheme == "smtps" else None,
        tls_context=served if scheme != "smtps" else None,
    )
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    controller.start()
    try:
        good = await send(f"{scheme}://ho%3Atel:p%40ss%20w%2Frd@127.0.0.1:{port}", seconds=20)
        bad = await send(f"{scheme}://ho%3Atel:wrong@127.0.0.1:{port}", seconds=20)
    finally:
        controller.stop(no_assert=True)
    assert good.outcome == ("sent" if trusted else "again")
    # A wrong password is put right by somebody; until then no message is given up.
    assert bad.outcome == "again"
    assert bad.reply.startswith("535 ") == trusted
    assert "wrong" not in bad.reply
    assert len(mailbox.received) == (1 if trusted else 0)


async def test_nothing_is_sent_in_the_clear_where_encryption_was_asked_for() -> None:
    mailbox = Mailbox()
    with mail_server(mailbox) as url:
        assert (await send(url.replace("smtp:", "smtp+starttls:"))).outcome == "again"
    assert mailbox.received == []


# a worker that dies --------------------------------------------------------------------------------


def working(database_url: str, url: str) -> None:
    """A worker that mails by this server, until its queues are empty."""
    mailer = SmtpMailer(url, sender="Sample Hotel <hotel@example.com>")
    gateways = Gateways(SandboxGateway())
    asyncio.run(worker.run(database_url, lambda _: gateways, mailer=mailer, concurrency=2, wait=False))


async def test_a_worker_killed_while_the_server_thinks_sends_nothing_twice(
    db: Database, database_url: str
) -> None:
    message_id = await queued(db)
    mailbox = Mailbox("stalls")
    with mail_server(mailbox) as url:
        child = Forked(working, database_url, url)
        try:
            async with asyncio.timeout(60):
                while not mailbox.received:
                    assert child.poll() is None
                    await asyncio.sleep(0.02)
        finally:
            child.kill()
            child.wait()
        assert await status(db, message_id) == ("sending", 1)
        mailbox.mood = "good"
        async with db.transaction() as tx:
            later = utc_now() + timedelta(hours=1)
            assert await service.sweep(tx, now=later, lost_after=timedelta(minutes=10)) == 1
            # The job of the killed worker runs again, as procrastinate's own retries would have it.
            await tx.execute(
                "SELECT enqueue('mail', 'notifications:deliver', $1, now())", {"message_id": str(message_id)}
            )
        await work(database_url, SmtpMailer(url, sender=SENDER, seconds=2))
        assert await status(db, message_id) == ("uncertain", 1)
        assert len(mailbox.received) == 1
        async with db.transaction() as tx:
            await service.send_again(tx, message_id=message_id, within=None, now=utc_now())
        await work(database_url, SmtpMailer(url, sender=SENDER, seconds=2))
    assert await status(db, message_id) == ("sent", 1)
    assert len(mailbox.received) == 2


async def test_what_a_slow_try_says_after_it_was_given_up_starts_no_other(db: Database) -> None:
    message_id = await queued(db)
    async with db.transaction() as tx:
        slow = await service.begin(tx, message_id=message_id, now=utc_now())
    assert slow is not None
    async with db.transaction() as tx:
        later = utc_now() + timedelta(hours=1)
        assert await service.sweep(tx, now=later, lost_after=timedelta(minutes=10)) == 1
        await service.send_again(tx, message_id=message_id, within=None, now=later)
        second = await service.begin(tx, message_id=message_id, now=later)
    assert second is not None
    async with db.transaction() as tx:
        await service.finish(tx, message=slow, subject="s", delivery=Delivery("again"), now=later)
    assert await status(db, message_id) == ("sending", 1)
    async with db.transaction() as tx:
        await service.finish(tx, message=second, subject="s", delivery=Delivery("sent"), now=later)
        await service.finish(tx, message=slow, subject="s", delivery=Delivery("failed"), now=later)
        tries = await queries.attempts(tx, message_id)
    assert await status(db, message_id) == ("sent", 1)
    assert len(tries) == 4
