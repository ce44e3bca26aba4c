"""Style sheets and scripts: our own in assets/, those of libraries (by npm, `scripts/assets`) in vendor/.

Each is served under a name that holds its fingerprint, so a browser keeps it for ever and asks for the new
one when it changes.
"""

from __future__ import annotations

import gzip
import hashlib
from functools import cache
from pathlib import Path

import msgspec
from litestar import Request, Response, get
from litestar.datastructures import State

from hotel_booking.core.errors import NotFound
from hotel_booking.http.access import public

_HERE = Path(__file__).parent
_FOLDERS = (_HERE / "assets", _HERE / "vendor")
_TYPES = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
}
_PACKED = frozenset({".css", ".js", ".svg"})


class NoSuchAsset(NotFound):
    """There is no such file, or not in this release."""

    code = "no_such_asset"


class Asset(msgspec.Struct, frozen=True):
    """One file as it is served. `packed` is it in gzip, where that is smaller."""

    name: str
    media_type: str
    body: bytes
    packed: bytes | None


@cache
def catalogue() -> dict[str, Asset]:
    """All assets by their plain name, read once."""
    found: dict[str, Asset] = {}
    for folder in _FOLDERS:
        for path in sorted(folder.glob("*")) if folder.is_dir() else []:
            if path.suffix in _TYPES:
                body = path.read_bytes()
                fingerprint = hashlib.sha256(body).hexdigest()[:12]
                found[path.name] = Asset(
                    name=f"{path.stem}.{fingerprint}{path.suffix}",
                    media_type=_TYPES[path.suffix],
                    body=body,
                    packed=gzip.compress(body, 9, mtime=0) if path.suffix in _PACKED else None,
                )
    return found


@cache
def _by_fingerprint() -> dict[str, Asset]:
    return {asset.name: asset for asset in catalogue().values()}


def address(name: str) -> str:
    """Where an asset is served; raises `KeyError` where there is none (a mistake in a template)."""
    return f"/assets/{catalogue()[name].name}"


@get("/assets/{name:str}", opt=public(), include_in_schema=False, sync_to_thread=False)
def serve(request: Request[object, object, State], name: str) -> Response[bytes]:
    """An asset under its fingerprinted name."""
    asset = _by_fingerprint().get(name)
    if asset is None:
        raise NoSuchAsset("there is no such file in this release")
    headers = {
        "cache-control": "public, max-age=31536000, immutable",
        "etag": f'"{name}"',
        "vary": "accept-encoding",
    }
    if request.headers.get("if-none-match") == headers["etag"]:
        return Response(b"", status_code=304, headers=headers, media_type=asset.media_type)
    body = asset.body
    if asset.packed is not None and "gzip" in request.headers.get("accept-encoding", ""):
        body = asset.packed
        headers["content-encoding"] = "gzip"
    return Response(body, headers=headers, media_type=asset.media_type)
