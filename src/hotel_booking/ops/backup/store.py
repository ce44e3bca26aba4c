"""Where backups are kept: a folder, or a bucket of S3 or of what speaks its language."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Self

import msgspec
from obstore.store import S3Store

from hotel_booking.core.setting_files import with_files
from hotel_booking.ops.refusals import Refused, WrongUse

if TYPE_CHECKING:
    from obstore.store import S3Config

_ASKED = timedelta(seconds=30)  # for one answer of the bucket
_BUCKET = re.compile(r"s3://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?P<prefix>/[A-Za-z0-9._/-]*)?")
_KEYS = ("HOTEL_S3_ENDPOINT", "HOTEL_S3_REGION", "HOTEL_S3_ACCESS_KEY", "HOTEL_S3_SECRET_KEY")


class Store(msgspec.Struct, frozen=True):
    """A folder (`path`), or what is below `path` in a bucket. Without keys the role of the machine counts.
    `authorities`: the file of those who sign the bucket's certificate, where they are not the system's."""

    path: str
    bucket: str = ""
    endpoint: str = ""
    region: str = ""
    access_key: str = ""
    secret_key: str = ""
    authorities: str = ""

    @classmethod
    def from_environ(cls, environ: Mapping[str, str], ask: Callable[[str, str, str], str]) -> Self:
        """As HOTEL_BACKUP_STORE says, and HOTEL_S3_* for a bucket."""
        named = ask("HOTEL_BACKUP_STORE", "where the backups are", "s3://BUCKET/backups")
        if not named.startswith("s3://"):
            if not Path(named).is_absolute():
                raise WrongUse(f"HOTEL_BACKUP_STORE={named} is neither s3://BUCKET/FOLDER nor a whole path")
            return cls(named)
        match = _BUCKET.fullmatch(named)
        if match is None:
            raise WrongUse(f"HOTEL_BACKUP_STORE={named} is no bucket: s3://BUCKET/FOLDER")
        try:
            told = with_files(environ, _KEYS)
        except (OSError, ValueError) as error:
            raise Refused(str(error)) from None
        endpoint, region, access, secret = (told.get(name, "") for name in _KEYS)
        return cls(
            match["prefix"] or "/",
            *(match["bucket"], endpoint, region or "us-east-1", access, secret),
            authorities=environ.get("SSL_CERT_FILE", ""),  # as everything else that speaks TLS here reads it
        )

    def __str__(self) -> str:
        return f"s3://{self.bucket}{self.path}" if self.bucket else self.path

    def pgbackrest(self) -> dict[str, str]:
        """Its settings of the first repository."""
        if not self.bucket:
            return {"repo1-type": "posix", "repo1-path": self.path}
        endpoint = self.endpoint.removeprefix("https://").rstrip("/") or f"s3.{self.region}.amazonaws.com"
        if "://" in endpoint:
            raise WrongUse(f"HOTEL_S3_ENDPOINT={self.endpoint} is not https://: pgBackRest asks no other")
        host, _, port = endpoint.partition(":")
        told = {
            "repo1-type": "s3",
            "repo1-path": self.path.rstrip("/") or "/",
            "repo1-s3-bucket": self.bucket,
            "repo1-s3-endpoint": host,
            "repo1-s3-region": self.region,
            "repo1-s3-uri-style": "path" if self.endpoint else "host",
        }
        if port:
            told["repo1-storage-port"] = port
        if self.authorities:
            told["repo1-storage-ca-file"] = self.authorities
        if self.access_key and self.secret_key:
            return told | {"repo1-s3-key": self.access_key, "repo1-s3-key-secret": self.secret_key}
        return told | {"repo1-s3-key-type": "auto"}

    def below(self, folder: str) -> S3Store:
        """The bucket below a folder of `path`, for what is not pgBackRest's."""
        config: S3Config = {
            "region": self.region,
            # Without a checksum a bucket whose objects are locked takes nothing.
            "checksum_algorithm": "sha256",
        }
        if self.endpoint:
            config["endpoint"] = self.endpoint
        if self.access_key and self.secret_key:
            config["access_key_id"] = self.access_key
            config["secret_access_key"] = self.secret_key
        return S3Store(
            self.bucket,
            prefix=f"{self.path.strip('/')}/{folder}".strip("/") or None,
            config=config,
            client_options={"timeout": _ASKED, "allow_http": self.endpoint.startswith("http://")},
            retry_config={"max_retries": 4, "retry_timeout": timedelta(minutes=2)},
        )
