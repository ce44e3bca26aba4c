"""A backup as one file: what it is of, the dump, and a checksum over both; encrypted where there is a key.

    HOTELBACKUP1\\n          what it is
    <4 bytes> <header>      JSON, its length first (big-endian)
    <4 bytes> <part> …      the dump, in parts of a megabyte, each with its length
    <4 bytes of zero>       there is no more
    <32 bytes>              SHA-256 of all before it

With a key each part is AES-256-GCM under a key that scrypt derives from it; its nonce counts the parts, and
the last one is marked, so that parts can be neither exchanged nor cut off. The header stays readable (it says
when, of which schema and how large) and belongs to what each part is authenticated with.
"""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Iterator
from datetime import datetime
from typing import BinaryIO, Literal

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from hotel_booking.ops.refusals import Refused, WrongUse

_MAGIC = b"HOTELBACKUP1\n"
_LENGTH = struct.Struct(">I")
_NONCE = struct.Struct(">IQ")  # whether it is the last part, its number
PART = 1 << 20
_MOST = PART + 64  # bytes of a part with its tag
_HEADER_MOST = 65_536
SHORTEST_KEY = 16  # characters
WRONG_KEY = "HOTEL_BACKUP_KEY is not the key of this backup"
Holds = Literal["database", "state", "configuration", "archive"]


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """What a file is of. `schema` is the revision that the database was at, `database_bytes` what it takes on
    a disk, `programs` the major version of the pg_dump that wrote it, `salt` of the key (hexadecimal; empty:
    not encrypted). `holds` says what the parts are: a dump of the database, or a tar of the `state`, of rows
    of the past (`archive`) or of the `configuration`, whose `fingerprint` two of them have in common where
    nothing has changed between."""

    made_at: datetime
    release: str
    schema: str
    database: str
    database_bytes: int
    server: int
    programs: int
    salt: str = ""
    holds: Holds = "database"
    fingerprint: str = ""


class NotABackup(Refused):
    """The file is none of ours, or not whole, or not what was written."""


class Writing:
    """The file while its dump is written to it, by pieces of any size; `close` makes it whole."""

    def __init__(self, target: BinaryIO, header: Header, key: str) -> None:
        if key:
            check_key(key)
            header = msgspec.structs.replace(header, salt=os.urandom(16).hex())
        self._target, self._digest = target, hashlib.sha256()
        described = msgspec.json.encode(header)
        self._put(_MAGIC + _LENGTH.pack(len(described)) + described)
        self._cipher = _cipher(key, header.salt) if key else None
        self._bound = hashlib.sha256(described).digest()
        self._number, self._waiting = 0, bytearray()

    def write(self, piece: bytes) -> int:
        """Add to the dump. A part waits until more comes, because the last one is marked."""
        self._waiting += piece
        while len(self._waiting) > PART:
            self._part(bytes(self._waiting[:PART]), last=False)
            del self._waiting[:PART]
        return len(piece)

    def close(self) -> None:
        """There is no more."""
        if self._waiting:
            self._part(bytes(self._waiting), last=True)
        self._put(_LENGTH.pack(0))
        self._target.write(self._digest.digest())

    def _part(self, part: bytes, *, last: bool) -> None:
        if self._cipher:
            part = self._cipher.encrypt(_NONCE.pack(last, self._number), part, self._bound)
        self._put(_LENGTH.pack(len(part)) + part)
        self._number += 1

    def _put(self, piece: bytes) -> None:
        self._digest.update(piece)
        self._target.write(piece)


def write(target: BinaryIO, header: Header, dump: BinaryIO, key: str) -> None:
    """Write the file, reading the dump to its end."""
    writing = Writing(target, header, key)
    while piece := dump.read(PART):
        writing.write(piece)
    writing.close()


def read_header(source: BinaryIO) -> Header:
    """What the file is of; nothing of it is checked yet. Raises `NotABackup`."""
    return _begin(source)[0]


def parts(source: BinaryIO, key: str) -> Iterator[bytes]:
    """The dump, part by part, from the file's beginning. Raises `NotABackup` where the file is not whole (at
    its very end for one that is not encrypted: `verify` it first), and `WrongUse` where the key is missing or
    another one."""
    header, described, digest = _begin(source)
    if header.salt and not key:
        raise WrongUse("the backup is encrypted, and HOTEL_BACKUP_KEY is not set")
    cipher = _cipher(key, header.salt) if header.salt else None
    bound, number = hashlib.sha256(described).digest(), 0
    part = _part(source, digest)
    while part:
        following = _part(source, digest)
        if cipher:
            try:
                yield cipher.decrypt(_NONCE.pack(not following, number), part, bound)
            except InvalidTag:
                raise WrongUse(WRONG_KEY) from None
        else:
            yield part
        number, part = number + 1, following
    if source.read(33) != digest.digest():
        raise NotABackup("the backup is damaged: its checksum is not that of its content", *_OTHER)


def verify(source: BinaryIO, key: str) -> int:
    """Read all of it, and say how many bytes its parts have. Raises as `parts` does: damage is told before a
    key that does not fit. Of an encrypted file whose key is not known the checksum alone is looked at."""
    header, _, digest = _begin(source)
    size = 0
    while part := _part(source, digest):
        size += len(part)
    if source.read(33) != digest.digest():
        raise NotABackup("the backup is damaged: its checksum is not that of its content", *_OTHER)
    if header.salt and key:
        source.seek(0)
        for _ in parts(source, key):
            pass
    return size


def check_key(key: str) -> None:
    """Raise `WrongUse` for a key that can be guessed by trying."""
    if len(key) < SHORTEST_KEY:
        raise WrongUse(
            f"HOTEL_BACKUP_KEY is shorter than {SHORTEST_KEY} characters",
            "This makes one; keep it where the backups are not:",
            "  openssl rand -base64 32",
        )


_OTHER = ("Nothing was touched. Take another backup, or fetch this one again from where it is kept.",)


def _begin(source: BinaryIO) -> tuple[Header, bytes, hashlib._Hash]:
    begin = source.read(len(_MAGIC) + _LENGTH.size)
    if not begin.startswith(_MAGIC) or len(begin) < len(_MAGIC) + _LENGTH.size:
        raise NotABackup("the file is no backup of this platform")
    (length,) = _LENGTH.unpack(begin[len(_MAGIC) :])
    described = source.read(length) if length <= _HEADER_MOST else b""
    try:
        header = msgspec.json.decode(described, type=Header)
    except (msgspec.DecodeError, msgspec.ValidationError):
        raise NotABackup("the backup is damaged: what it is of cannot be read", *_OTHER) from None
    return header, described, hashlib.sha256(begin + described)


def _part(source: BinaryIO, digest: hashlib._Hash) -> bytes:
    head = source.read(_LENGTH.size)
    length = _LENGTH.unpack(head)[0] if len(head) == _LENGTH.size else None
    part = source.read(length) if length is not None and length <= _MOST else b""
    if length is None or len(part) != length:
        raise NotABackup("the backup is not whole: it ends too early", *_OTHER)
    digest.update(head + part)
    return part


def _cipher(key: str, salt: str) -> AESGCM:
    return AESGCM(Scrypt(salt=bytes.fromhex(salt), length=32, n=2**15, r=8, p=1).derive(key.encode()))
