"""Uploaded files in a bucket of S3, or of anything that speaks its language (MinIO, Ceph, R2, Garage).

Guests never see the bucket: `http.media` serves what is in it, so it can be closed to everybody else.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime

import obstore
from obstore.exceptions import BaseError, NotFoundError

from hotel_booking.core.breaker import Breaker, BreakerOpen
from hotel_booking.integrations import s3
from hotel_booking.integrations.media import MediaUnavailable, is_our_name


class S3Media:
    """A bucket, in which names of ours lie below `prefix`. `endpoint` is the address of another service than
    Amazon's. A call is tried three times and given up after `seconds`."""

    def __init__(
        self,
        bucket: str,
        *,
        prefix: str = "",
        region: str = "us-east-1",
        endpoint: str | None = None,
        access_key: str | None,
        secret_key: str | None,
        seconds: float = 10,
    ) -> None:
        self._store = s3.opened(
            bucket,
            prefix=prefix,
            region=region,
            endpoint=endpoint,
            access_key=access_key,
            secret_key=secret_key,
            seconds=seconds,
        )
        self._breaker = Breaker("s3")

    async def put(self, name: str, body: bytes) -> None:
        """Keep a file: whole or not at all. Raises `MediaUnavailable`."""
        if not is_our_name(name):
            raise ValueError("no name of a file of ours")
        with self._asking():
            await obstore.put_async(self._store, _key(name), body, attributes={"Content-Type": "image/webp"})

    async def get(self, name: str) -> bytes | None:
        """The file; None where there is none of this name, or it is no name of ours. Raises
        `MediaUnavailable`."""
        if not is_our_name(name):
            return None
        with self._asking(), suppress(NotFoundError, FileNotFoundError):
            found = await obstore.get_async(self._store, _key(name))
            return bytes(await found.bytes_async())
        return None

    async def remove(self, names: Sequence[str]) -> None:
        """Remove files; those that are gone already do not matter. Raises `MediaUnavailable`."""
        if names:
            with self._asking(), suppress(NotFoundError, FileNotFoundError):
                await obstore.delete_async(self._store, [_key(name) for name in names if is_our_name(name)])

    async def names(self, *, older_than: datetime) -> Sequence[str]:
        """The names of all files that were kept before an instant. Raises `MediaUnavailable`."""
        found: list[str] = []
        with self._asking():
            async for some in obstore.list(self._store):
                found += [
                    str(stored["path"]).rpartition("/")[2]
                    for stored in some
                    if stored["last_modified"] < older_than
                ]
        return [name for name in found if is_our_name(name)]

    @contextmanager
    def _asking(self) -> Iterator[None]:
        try:
            with self._breaker.asking(BaseError):
                yield
        except BaseError as error:
            # Its text may hold addresses of the inside; its kind is enough to begin with.
            raise _unavailable(type(error).__name__) from None
        except BreakerOpen:
            raise _unavailable("it is left alone for a while") from None


def _key(name: str) -> str:
    return f"{name[:2]}/{name}"


def _unavailable(why: str) -> MediaUnavailable:
    return MediaUnavailable(f"the storage of photos does not answer ({why})", fix="try again in a minute")
