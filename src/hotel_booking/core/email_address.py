"""E-mail addresses: read at every door by one library, kept in one form, and delivered to exactly that
address.

Kept is the local part as it was given (NFC) and the host in the letters of its own script, in small letters.
No name server is asked: only a message that arrives proves an address. Hosts are read by IDNA 2008, where
straße.de is another host than strasse.de.
"""

from __future__ import annotations

import re
import unicodedata
from contextlib import suppress

import email_validator
import msgspec
from email_validator import EmailNotValidError, ValidatedEmail, validate_email

from hotel_booking.core.errors import Invalid
from hotel_booking.core.folding import small

LONGEST = 254
_LONGEST_TYPED = 400
# A company may have mail of its own (.local, .test); that one cannot be reached from elsewhere is its affair.
email_validator.SPECIAL_USE_DOMAIN_NAMES[:] = ["arpa", "invalid", "onion"]
# Blanks and marks without a look around an address, as they are pasted along.
_PASTED = r"[\s\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]+"
# Around it all of them, within it those that are no letters' own, as joiners are.
_AROUND = re.compile(
    f"^{_PASTED}|{_PASTED}$|[\u00ad\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]"
)
# As Japanese and Chinese keyboards write ASCII until they are told otherwise; no mailbox is called so.
_WIDE = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
_SENDER = re.compile(
    r"""\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<plain>[^<>"]*?))\s*<\s*(?P<address>[^<>]+?)\s*>\s*"""
)
_LOCAL_HOST = re.compile(r"[A-Za-z0-9-]{1,63}")


class Sender(msgspec.Struct, frozen=True):
    """Who writes: a name, which may be empty, and an address in ASCII."""

    name: str
    address: str


class Wire(msgspec.Struct, frozen=True):
    """An address as mail servers write it: the host in ASCII. `smtputf8`: the local part is not, and only a
    server that offers SMTPUTF8 can take it."""

    local: str
    host: str
    smtputf8: bool

    @property
    def whole(self) -> str:
        """local@host."""
        return f"{self.local}@{self.host}"


def read_email(text: str, *, field: str = "email", error: type[Invalid] = Invalid) -> str:
    """An address that somebody gave, in the form in which it is kept, shown and written to. Raises `error`,
    which says what is wrong with it."""
    try:
        return _read(tidy_email(text)).normalized
    except EmailNotValidError as wrong:
        problem = str(wrong).rstrip(".")
        raise error(
            f"this is not an email address: {problem[:1].lower()}{problem[1:]}",
            field=field,
            fix="use one like name@example.com",
        ) from None


def email_key(text: str) -> str:
    """By what addresses are compared: `read_email` in small letters, and as much of that as there is to what
    is no address, without the NUL that the database cannot be asked for. Of an address in the form that it
    is kept in, the database's `small` says the same."""
    local, at, host = tidy_email(text)[:LONGEST].replace("\0", "\ufffd").rpartition("@")
    with suppress(EmailNotValidError):
        host = _read(f"x@{host}").domain
    return small(f"{local}{at}{host}")


def email_keys(text: str) -> list[str]:
    """As `email_key`, and with the host in ASCII where that differs: addresses once were kept as they were
    typed."""
    key = email_key(text)
    try:
        return list(dict.fromkeys((key, small(wire_form(key).whole))))
    except ValueError:
        return [key]


def wire_form(address: str) -> Wire:
    """The address for a mail server; never another one than was given. Raises `ValueError` where there is
    none."""
    try:
        read = _read(address)
    except EmailNotValidError as wrong:
        raise ValueError(str(wrong)) from None
    return Wire(read.local_part, read.ascii_domain, read.smtputf8)


def read_sender(text: str) -> Sender:
    """`Our Hotel <bookings@hotel.example>`, the name in quotation marks or not and with any characters but
    controls; or the address alone. Raises `ValueError`."""
    match = _SENDER.fullmatch(text)
    name, address = "", text.strip()
    if match:
        quoted = match["quoted"]
        name = (re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else match["plain"]).strip()
        address = match["address"]
    if any(unicodedata.category(letter) in ("Cc", "Zl", "Zp", "Cs") for letter in name):
        raise ValueError("the name has characters that can’t be used in a mail header")
    local, _, host = address.rpartition("@")
    # A machine of the company may write without a domain.
    wire = wire_form(f"{local}@{host}.example" if _LOCAL_HOST.fullmatch(host) else address)
    if wire.smtputf8:
        raise ValueError("the sender's address must be in ASCII before its @")
    return Sender(name, f"{wire.local}@{host}" if _LOCAL_HOST.fullmatch(host) else wire.whole)


def tidy_email(text: str) -> str:
    """Without what comes along: blanks around it, marks of direction and others without a look, `mailto:`,
    and the width of full-width letters and signs."""
    return _AROUND.sub("", text[:_LONGEST_TYPED]).removeprefix("mailto:").translate(_WIDE)


def _read(text: str) -> ValidatedEmail:
    read = validate_email(text, check_deliverability=False, strict=True, globally_deliverable=False)
    if "=?" in read.local_part:
        # Allowed, and read by mail programs as something else: nobody has such an address but to try that.
        raise EmailNotValidError("the part before the @-sign cannot have =? in it")
    if "." not in read.ascii_domain:
        raise EmailNotValidError("the part after the @-sign has no dot")
    return read
