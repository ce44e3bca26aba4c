"""Mail by SMTP (the standard library, in a thread): one connection a message, a time-out for every step.

What matters is when a connection breaks. Until the message itself was sent nothing was handed over and it can
be tried again; after that the server may have taken it without our hearing so, and nobody may try again by
themselves (RFC 1047 tells how mail came to arrive twice). So it goes out in its own steps, not by `sendmail`.
"""

from __future__ import annotations

import asyncio
import re
import smtplib
import ssl
from contextlib import suppress
from email.charset import QP, Charset
from email.header import Header
from email.message import Message
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.policy import compat32
from email.utils import format_datetime
from functools import cached_property
from urllib.parse import unquote, urlsplit

from hotel_booking.core.clock import utc_now
from hotel_booking.core.email_address import Wire, read_sender, wire_form
from hotel_booking.core.names import on_one_line
from hotel_booking.core.setting import ConfigError
from hotel_booking.domains.notifications.types import Delivery, Rendered

_SECONDS = 20.0
_SCHEMES = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}
_PLAIN = re.compile(r"[A-Za-z0-9 '!*+/-]{1,60}")
_NOT_INTERNATIONAL = (
    "the address has letters before its @ that are not ASCII, and the mail server takes no such address"
    " (SMTPUTF8)"
)
# Written as it stands, and with lines that the wire wants. The policies of `email.message` that are newer
# read what they are given, encoded words and all, before they write it: what a guest is called became
# headers so.
_POLICY = compat32.clone(linesep="\r\n", max_line_length=76)
_LEADING_DOT = re.compile(rb"^\.", re.MULTILINE)


class SmtpMailer:
    """Hands messages to the mail server that `url` names: smtp://, smtp+starttls:// or smtps://, with
    user:password@ where it wants one. Raises `ConfigError` where no message could go out."""

    def __init__(self, url: str, *, sender: str, seconds: float = _SECONDS) -> None:
        parts = urlsplit(url)
        try:
            self._port = parts.port or _SCHEMES[parts.scheme]
        except (KeyError, ValueError):
            raise ConfigError(["HOTEL_SMTP_URL is not like smtp://user:password@host:port"]) from None
        try:
            self._from = read_sender(sender).address
        except ValueError as error:
            raise ConfigError(
                [f"HOTEL_MAIL_FROM={sender} is not like Our Hotel <bookings@hotel.example>: {error}"]
            ) from None
        self._host = parts.hostname or "localhost"
        self._scheme = parts.scheme
        self._login = (unquote(parts.username), unquote(parts.password or "")) if parts.username else None
        self._sender = sender
        self._seconds = seconds

    async def send(self, *, message_id: str, recipient: str, rendered: Rendered) -> Delivery:
        """See `Mailer.send`."""
        try:
            to = wire_form(recipient)
        except ValueError as error:
            return Delivery("failed", f"no address that mail can be sent to: {error}")
        try:
            message = compose(
                message_id=message_id, sender=self._sender, recipient=recipient, rendered=rendered
            )
            body = message.as_bytes(policy=_POLICY)
        except (ValueError, UnicodeError) as error:
            return Delivery("failed", f"the message cannot be written: {type(error).__name__}")
        return await asyncio.to_thread(self._hand_over, to, body)

    def _hand_over(self, to: Wire, body: bytes) -> Delivery:
        handed_over = False
        client: smtplib.SMTP | None = None
        try:
            try:
                client = self._connect()
            except smtplib.SMTPResponseException as error:
                # The server wants nothing from us at all, or not with this password: that is no word about
                # this message, and somebody can put it right.
                return Delivery("again", _reply_text(error.smtp_code, error.smtp_error), unreachable=True)
            options = []
            if to.smtputf8:
                if not client.has_extn("smtputf8"):
                    return Delivery("failed", _NOT_INTERNATIONAL)
                client.command_encoding = "utf-8"
                options = ["BODY=8BITMIME", "SMTPUTF8"]
            # Spelt out: `rcpt` reads the address once more, and takes another one out of some.
            _expect(client.docmd("MAIL", " ".join([f"FROM:<{self._from}>", *options])), 250)
            _expect(client.docmd("RCPT", f"TO:<{to.whole}>"), 250, 251)
            _expect(client.docmd("DATA"), 354)
            # From here on a broken connection leaves us not knowing.
            handed_over = True
            client.send(_LEADING_DOT.sub(b"..", body) + b".\r\n")
            code, reply = client.getreply()
            if 200 <= code < 300:
                with suppress(smtplib.SMTPException, OSError):
                    client.putcmd("quit")  # as one should; whatever it answers changes nothing any more
                return Delivery("sent", _reply_text(code, reply))
            if 400 <= code < 600:
                return _refusal(code, reply)
            return Delivery("uncertain", _reply_text(code, reply))
        except _Refused as refused:
            return refused.delivery
        except (smtplib.SMTPException, OSError, ValueError) as error:
            if handed_over:
                return Delivery("uncertain", type(error).__name__)
            return Delivery(
                "again", type(error).__name__, unreachable=client is None or isinstance(error, TimeoutError)
            )
        finally:
            if client is not None:
                client.close()

    @cached_property
    def _trusted(self) -> ssl.SSLContext:
        """The system's authorities, read once: that takes longer than a message does."""
        return ssl.create_default_context()

    def _connect(self) -> smtplib.SMTP:
        if self._scheme == "smtps":
            client: smtplib.SMTP = smtplib.SMTP_SSL(
                self._host, self._port, timeout=self._seconds, context=self._trusted
            )
        else:
            client = smtplib.SMTP(self._host, self._port, timeout=self._seconds)
        try:
            if self._scheme == "smtp+starttls":
                client.ehlo_or_helo_if_needed()
                client.starttls(context=self._trusted)
            client.ehlo_or_helo_if_needed()
            if self._login is not None:
                client.login(*self._login)
        except BaseException:
            client.close()
            raise
        return client


class _Refused(Exception):  # carries a verdict out of the conversation; never seen outside
    def __init__(self, delivery: Delivery) -> None:
        self.delivery = delivery


def _expect(reply: tuple[int, bytes], *codes: int) -> tuple[int, bytes]:
    if reply[0] not in codes:
        raise _Refused(_refusal(*reply))
    return reply


def _refusal(code: int, reply: bytes | str) -> Delivery:
    # 4xx: not now. 5xx: not ever. A server that closes while it speaks gives -1: as if it had said nothing.
    return Delivery("failed" if 500 <= code < 600 else "again", _reply_text(code, reply))


def _reply_text(code: int, reply: bytes | str) -> str:
    text = reply.decode(errors="replace") if isinstance(reply, bytes) else reply
    return f"{code} {' '.join(text.split())}"


def compose(*, message_id: str, sender: str, recipient: str, rendered: Rendered) -> Message:
    """The message with both parts. Its Message-ID is made from ours, so that a mailbox that gets it twice
    shows it once. Raises `ValueError` for what no message can have."""
    writer, to = read_sender(sender), wire_form(recipient)
    message = MIMEMultipart("alternative", policy=_POLICY)
    address = f"<{writer.address}>"
    message["From"] = f"{_encoded('From', writer.name)} {address}" if writer.name else address
    # Where it is not ASCII the server has said that it takes UTF-8.
    message["To"] = to.whole if not to.smtputf8 else to.whole.encode().decode("ascii", "surrogateescape")
    with suppress(ValueError):  # an address that is none keeps nobody from the message
        # Other letters before the @ would need a server that takes them, as the recipient's may not.
        if rendered.reply_to and not (answered := wire_form(rendered.reply_to)).smtputf8:
            message["Reply-To"] = answered.whole
    message["Subject"] = _encoded("Subject", rendered.subject)
    message["Date"] = format_datetime(utc_now())
    message["Message-ID"] = f"<{message_id}@{writer.address.rpartition('@')[2]}>"
    message["Content-Language"] = rendered.language
    message["Auto-Submitted"] = "auto-generated"
    if rendered.unsubscribe is not None:
        message["List-Unsubscribe"] = f"<{rendered.unsubscribe}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    # ASCII on the wire: not every server takes more.
    charset = Charset("utf-8")
    charset.body_encoding = QP
    message.attach(MIMEText(rendered.text, "plain", charset, policy=_POLICY))  # type: ignore[arg-type]  # typeshed: Compat32 alone
    message.attach(MIMEText(rendered.html, "html", charset, policy=_POLICY))  # type: ignore[arg-type]  # typeshed: Compat32 alone
    return message


def _encoded(name: str, text: str) -> str:
    """A header's text: on one line and, but for words that need it not, as encoded words, which nothing in
    it can end or begin."""
    text = " ".join(on_one_line(text).split())
    if _PLAIN.fullmatch(text):
        return text
    return Header(text, "utf-8", header_name=name).encode(linesep="\r\n", maxlinelen=75)


class DemoMailer:
    """Sends nothing: the demo shows its mail at /demo/mail."""

    async def send(self, *, message_id: str, recipient: str, rendered: Rendered) -> Delivery:
        """See `Mailer.send`."""
        del message_id, recipient, rendered
        return Delivery("sent", "shown at /demo/mail", keep=True)
