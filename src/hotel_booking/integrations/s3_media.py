"""Uploaded files in a bucket of S3, or of anything that speaks its language (MinIO, Ceph, R2, Garage).

Guests never see the bucket: `http.media` serves what is in it, so it can be closed to everybody else.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import obstore
from obstore.exceptions import BaseError, NotFoundError
from obstore.store import S3Store

from hotel_booking.core.errors import DomainError
from hotel_booking.integrations.media import is_our_name

_TRIES = 3


class MediaUnavailable(DomainError):
    """The storage of photos does not answer."""

    code = "media_unavailable"
    passes = True
    retry_after = 5


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
        access_key: str,
        secret_key: str,
        seconds: float = 10,
    ) -> None:
        more: dict[str, Any] = {"endpoint": endpoint} if endpoint else {}
        self._store = S3Store(
            bucket,
            prefix=prefix or None,
            region=region,
            access_key_id=access_key,
            secret_access_key=secret_key,
            client_options={
                "timeout": timedelta(seconds=seconds),
                "connect_timeout": timedelta(seconds=min(seconds, 3)),
                "allow_http": bool(endpoint and endpoint.startswith("http://")),
            },
            retry_config={
                "max_retries": _TRIES - 1,
                "retry_timeout": timedelta(seconds=seconds),
                "backoff": {
                    "init_backoff": timedelta(milliseconds=100),
                    "max_backoff": timedelta(seconds=2),
                    "base": 2,
                },
            },
            **more,
        )

    async def put(self, name: str, body: bytes) -> None:
        """Keep a file: whole or not at all. Raises `MediaUnavailable`."""
        if not is_our_name(name):
            raise ValueError("no name of a file of ours")
        try:
            await obstore.put_async(self._store, _key(name), body, attributes={"Content-Type": "image/webp"})
        except BaseError as error:
            raise _unavailable(error) from None

    async def get(self, name: str) -> bytes | None:
        """The file; None where there is none of this name, or it is no name of ours. Raises
        `MediaUnavailable`."""
        if not is_our_name(name):
            return None
        try:
            found = await obstore.get_async(self._store, _key(name))
            return bytes(await found.bytes_async())
        except (NotFoundError, FileNotFoundError):
            return None
        except BaseError as error:
            raise _unavailable(error) from None

    async def remove(self, names: Sequence[str]) -> None:
        """Remove files; those that are gone already do not matter. Raises `MediaUnavailable`."""
        try:
            if names:
                await obstore.delete_async(self._store, [_key(name) for name in names if is_our_name(name)])
        except (NotFoundError, FileNotFoundError):
            return
        except BaseError as error:
            raise _unavailable(error) from None

    async def names(self, *, older_than: datetime) -> Sequence[str]:
        """The names of all files that were kept before an instant. Raises `MediaUnavailable`."""
        found: list[str] = []
        try:
            async for some in obstore.list(self._store):
                found += [
                    str(one["path"]).rpartition("/")[2] for one in some if one["last_modified"] < older_than
                ]
        except BaseError as error:
            raise _unavailable(error) from None
        return [name for name in found if is_our_name(name)]


def _key(name: str) -> str:
    return f"{name[:2]}/{name}"


def _unavailable(error: BaseError) -> MediaUnavailable:
    # Its text may hold addresses of the inside; its kind is enough to begin with.
    return MediaUnavailable(
        f"the storage of photos does not answer ({type(error).__name__})", fix="try again in a minute"
    )
