"""Whatever people, hotels and addresses are called, a message has the headers and the recipients that we
meant, and goes to exactly the address that was given."""

# ruff: noqa: E501, RUF001  # tables of cases; letters that look alike are what this is about

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import Message
from email.policy import default
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from hotel_booking.core.email_address import email_key, email_keys, read_email
from hotel_booking.core.environment import read_settings
from hotel_booking.core.errors import Invalid
from hotel_booking.core.languages import LANGUAGES
from hotel_booking.core.setting import ConfigError
from hotel_booking.domains.notifications import rendering
from hotel_booking.domains.notifications.samples import SAMPLES
from hotel_booking.integrations.smtp import SmtpMailer
from tests.integration.mail.test_mail import SENDER, Mailbox, free_port

HOSTILE = (
    "=?utf-8?q?Ana=0d=0aBcc:_victim=40example.com=0d=0a=0d=0aA_body?=",
    "=?iso-8859-1?b?DQpCY2M6IHZpY3RpbUBleGFtcGxlLmNvbQ==?= x",
    "Ana\r\nBcc: victim@example.com\r\n\r\nbody",
    "Ana\rBcc: victim@example.com\nTo: all@example.com",
    "Ana\u2028Bcc: victim@example.com\x0bX: y\x85Z: w",
    'Ana" <victim@example.com>, "x',
    "\u202egro.elpmaxe@mitciv\u202c \u2066x",
    "محمد {{ 7*7 }} | https://evil.example\n= Click | https://evil.example\n.\n",
    "--boundary\r\nContent-Type: text/html\r\n\r\n<script>",
    "\udcff\ud800 surrogates",
    "x" * 3000,
    "é" * 1500,
)
HEADERS = [
    "Content-Type", "MIME-Version", "From", "To", "Subject", "Date", "Message-ID", "Content-Language", "Auto-Submitted",
]  # fmt: skip
# What a template computes with.
_MEASURED = {"timezone", "currency", "path", "link", "what", "language"}


@contextmanager
def server(mailbox: Mailbox, *, international: bool = True) -> Iterator[str]:
    port = free_port()
    controller = Controller(
        mailbox,
        hostname="127.0.0.1",
        port=port,
        enable_SMTPUTF8=international,
        decode_data=False,
    )
    controller.start()
    try:
        yield f"smtp://127.0.0.1:{port}"
    finally:
        controller.stop(no_assert=True)


def hostile(value: Any, name: str, text: str) -> Any:
    if isinstance(value, list):
        return [hostile(item, name, text) for item in value]
    computed = name in _MEASURED or (
        isinstance(value, str) and re.match(r"\d{4}-\d\d-\d\d|\d\d:\d\d$", value)
    )
    return value if computed or not isinstance(value, str) else text


def received(mailbox: Mailbox) -> Message:
    content = mailbox.received[-1].content
    assert isinstance(content, bytes)
    return message_from_bytes(content)


@pytest.mark.parametrize("template", rendering.names())
async def test_a_hostile_text_in_any_field_is_only_text(template: str) -> None:
    mailbox = Mailbox()
    with server(mailbox) as url:
        mailer = SmtpMailer(url, sender=SENDER, seconds=5)
        for number, text in enumerate(HOSTILE):
            data = {name: hostile(value, name, text) for name, value in SAMPLES[template].items()}
            found = rendering.render(template, ("en", "ar")[number % 2], data, sender=text)
            sent = await mailer.send(message_id=f"m{number}", recipient="guest@example.org", rendered=found)
            assert sent.outcome == "sent", sent
            assert len(mailbox.received) == number + 1
            assert mailbox.received[-1].rcpt_tos == ["guest@example.org"]
            message = received(mailbox)
            assert sorted(message.keys()) == sorted(HEADERS)
            assert message["To"] == "guest@example.org"
            assert [part.get_content_type() for part in message.walk()] == [
                "multipart/alternative", "text/plain", "text/html",
            ]  # fmt: skip
            assert [part.keys() for part in message.walk() if not part.is_multipart()] == [
                ["Content-Type", "MIME-Version", "Content-Transfer-Encoding"]
            ] * 2
            subject = str(make_header(decode_header(message["Subject"])))
            assert subject.split() == re.sub(r"[\ud800-\udfff]+", " ", found.subject).split()
            assert not re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e]", subject)
            # Mail programs that read as the newer policies do find the same.
            newer = message_from_bytes(message.as_bytes(), policy=default)
            assert (newer["bcc"], newer["to"]) == (None, "guest@example.org")
            assert str(newer["from"]) == SENDER
            for part in message.walk():
                if part.get_content_type() == "text/html":
                    html = bytes(part.get_payload(decode=True)).decode()
                    assert "<script" not in html
                    assert 'href="https://evil' not in html


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_a_name_of_the_other_direction_is_isolated_in_both_parts(language: str) -> None:
    name = "Ana" if language == "ar" else "محمد"
    found = rendering.render(
        "booking_confirmed", language, {**SAMPLES["booking_confirmed"], "name": name}, sender="Hotel"
    )
    assert f"\u2068{name}\u2069" in found.text
    assert f"<bdi>{name}</bdi>" in found.html
    assert "\u2068" not in found.html
    assert found.text.count("\u2068") == found.text.count("\u2069")
    # An address that is opened or copied has no such mark in it.
    assert not re.search(r"https?://\S*[\u2066-\u2069]", found.text)


# to exactly the address ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "wire"),
    [
        ("Ana.Silva@Example.org", "Ana.Silva@example.org"),
        ("x@straße.example", "x@xn--strae-oqa.example"),
        ("x@STRASSE.example", "x@strasse.example"),
        ("jo@xn--bcher-kva.example", "jo@xn--bcher-kva.example"),
        ("jo@βόλος.example", "jo@xn--nxasmm1c.example"),
        ("o'brien+x=y@example.org", "o'brien+x=y@example.org"),
        (" mailto:jo@example.org\u200f", "jo@example.org"),
        ("jo＠example.org", "jo@example.org"),
        ("ｊｏ＠ｅｘａｍｐｌｅ．ｏｒｇ", "jo@example.org"),  # as a Japanese keyboard writes it
        ("j\u00ado@exam\u200bple.org", "jo@example.org"),
    ],
)
async def test_a_message_goes_to_exactly_the_address_that_was_given(given: str, wire: str) -> None:
    mailbox = Mailbox()
    kept = read_email(given)
    found = rendering.render("booking_held", "en", SAMPLES["booking_held"], sender="Hotel")
    with server(mailbox, international=False) as url:
        sent = await SmtpMailer(url, sender=SENDER, seconds=5).send(
            message_id="m", recipient=kept, rendered=found
        )
    assert sent.outcome == "sent", sent
    assert mailbox.received[0].rcpt_tos == [wire]
    assert received(mailbox)["To"] == wire


async def test_an_address_with_other_letters_before_the_at_goes_to_servers_that_take_it() -> None:
    mailbox = Mailbox()
    found = rendering.render("booking_held", "en", SAMPLES["booking_held"], sender="Hotel")
    with server(mailbox) as url:
        sent = await SmtpMailer(url, sender=SENDER, seconds=5).send(
            message_id="m", recipient="josé@bücher.example", rendered=found
        )
    assert sent.outcome == "sent", sent
    assert mailbox.received[0].rcpt_tos == ["josé@xn--bcher-kva.example"]
    assert "SMTPUTF8" in mailbox.received[0].mail_options
    content = mailbox.received[0].content
    assert isinstance(content, bytes)
    assert "\r\nTo: josé@xn--bcher-kva.example\r\n".encode() in content


async def test_and_where_the_server_does_not_take_it_the_message_says_so_and_goes_nowhere() -> None:
    mailbox = Mailbox()
    found = rendering.render("booking_held", "en", SAMPLES["booking_held"], sender="Hotel")
    with server(mailbox, international=False) as url:
        sent = await SmtpMailer(url, sender=SENDER, seconds=5).send(
            message_id="m", recipient="josé@example.org", rendered=found
        )
    assert sent.outcome == "failed"
    assert "SMTPUTF8" in sent.reply
    assert mailbox.received == []


@pytest.mark.parametrize(
    "given",
    [
        "ana,silva@example.org", "ana silva@example.org", "<ana@example.org>", "ana@example.org, x@example.org",
        "ana@example.org\nBcc: x@example.org", "ana@example", "@example.org", "ana@", "ana@-x.org", "a..b@example.org",
        '"a b"@example.org', "ana@[127.0.0.1]", "ana@xn--zz.example", "a" * 65 + "@example.org",
        "=?utf-8?q?x?=@example.org", "ana@" + "x" * 250 + ".org", "\ud800@example.org", "ana@example..org", "", " ",
    ],
)  # fmt: skip
async def test_what_cannot_be_written_to_is_refused_at_the_door_and_never_sent(given: str) -> None:
    with pytest.raises(Invalid) as caught:
        read_email(given)
    assert caught.value.field == "email"
    assert caught.value.detail.startswith("this is not an email address: ")
    mailbox = Mailbox()
    found = rendering.render("booking_held", "en", SAMPLES["booking_held"], sender="Hotel")
    with server(mailbox) as url:  # kept in the time before
        sent = await SmtpMailer(url, sender=SENDER, seconds=5).send(
            message_id="m", recipient=given, rendered=found
        )
    assert sent.outcome == "failed"
    assert mailbox.received == []


def test_an_address_is_the_same_in_every_form() -> None:
    forms = [
        "José@Bücher.example",
        "JOSÉ@xn--bcher-kva.EXAMPLE",
        "jose\u0301@bu\u0308cher.example",
        " josé@BÜCHER.example\u200e",
    ]
    assert {email_key(form) for form in forms} == {"josé@bücher.example"}
    assert email_keys(forms[0]) == ["josé@bücher.example", "josé@xn--bcher-kva.example"]
    assert email_key("x@straße.example") != email_key("x@strasse.example")


# who writes ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("set_to", "name", "address"),
    [
        ("Hotel @ Lake <b@hotel.example>", "Hotel @ Lake", "b@hotel.example"),
        ("Hotel: Berlin, Mitte <b@hotel.example>", "Hotel: Berlin, Mitte", "b@hotel.example"),
        ('"Hotel \\"Zur Post\\"" <b@hotel.example>', 'Hotel "Zur Post"', "b@hotel.example"),
        ("Hôtel du Lac <b@hôtel.example>", "Hôtel du Lac", "b@xn--htel-vqa.example"),
        ("=?utf-8?q?x=0d=0aBcc:_v=40example.com?= <b@hotel.example>",
         "=?utf-8?q?x=0d=0aBcc:_v=40example.com?=", "b@hotel.example"),
        ("فندق <b@hotel.example>", "فندق", "b@hotel.example"),
    ],
)  # fmt: skip
async def test_the_sender_is_the_one_that_was_set(set_to: str, name: str, address: str) -> None:
    mailbox = Mailbox()
    found = rendering.render("booking_held", "en", SAMPLES["booking_held"], sender="Hotel")
    with server(mailbox, international=False) as url:
        sent = await SmtpMailer(url, sender=set_to, seconds=5).send(
            message_id="m", recipient="jo@example.org", rendered=found
        )
    assert sent.outcome == "sent", sent
    assert mailbox.received[0].mail_from == address
    written, _, rest = received(mailbox)["From"].rpartition(" <")
    assert str(make_header(decode_header(written))) == name
    assert rest == f"{address}>"
    assert sorted(received(mailbox).keys()) == sorted(HEADERS)


@pytest.mark.parametrize(
    "set_to", ["Hotel", "", "Hotel <>", "Hotel <a b@example.com>", "Hotel <a,b@example.com>", "A\nB <b@example.com>",
               "Hotel <b@example.com> and <c@example.com>", "Hotel <josé@example.com>", 'Say "x" <b@example.com>'],
)  # fmt: skip
def test_a_sender_with_whom_nothing_could_go_out_is_refused_at_the_start(set_to: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_settings(
            {"DATABASE_URL": "postgresql://x", "HOTEL_ENVIRONMENT": "test", "HOTEL_MAIL_FROM": set_to}
        )
    assert "HOTEL_MAIL_FROM" in str(caught.value)
