"""A bucket of S3, or of anything that speaks its language (MinIO, Ceph, R2, Garage)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from hotel_booking.core.errors import DomainError

_ATTEMPTS = 3


class BucketUnavailable(DomainError):
    """The bucket does not answer, or refuses us."""

    code = "bucket_unavailable"
    passes = True
    retry_after = 5


def opened(
    bucket: str,
    *,
    prefix: str,
    region: str,
    endpoint: str | None,
    access_key: str | None,
    secret_key: str | None,
    seconds: float,
) -> S3Store:
    """A bucket, in which names of ours lie below `prefix`. `endpoint` is the address of another service than
    Amazon's. Without keys the role of the pod or the machine counts, as AWS's own programs have it. A
    call is tried three times and given up after `seconds`."""
    more: dict[str, Any] = {"endpoint": endpoint} if endpoint else {}
    if access_key and secret_key:
        more |= {"access_key_id": access_key, "secret_access_key": secret_key}
    return S3Store(
        bucket,
        prefix=prefix or None,
        region=region,
        client_options={
            "timeout": timedelta(seconds=seconds),
            "connect_timeout": timedelta(seconds=min(seconds, 3)),
            "allow_http": bool(endpoint and endpoint.startswith("http://")),
        },
        retry_config={
            "max_retries": _ATTEMPTS - 1,
            "retry_timeout": timedelta(seconds=seconds),
            "backoff": {
                "init_backoff": timedelta(milliseconds=100),
                "max_backoff": timedelta(seconds=2),
                "base": 2,
            },
        },
        **more,
    )


async def put(store: S3Store, name: str, body: bytes, *, media_type: str, cache: str) -> None:
    """Put a public file: whole or not at all. Raises `BucketUnavailable`."""
    try:
        await obstore.put_async(
            store, name, body, attributes={"Content-Type": media_type, "Cache-Control": cache}
        )
    except BaseError as error:
        # Its text may hold addresses of the inside; its kind is enough to begin with.
        raise BucketUnavailable(
            f"the bucket does not take the file {name} ({type(error).__name__})", fix="check HOTEL_S3_*"
        ) from None
