"""Style sheets and scripts: our own in assets/, those of libraries (by npm, `scripts/assets`) in vendor/.

Each is served under a name that holds its fingerprint, so a browser keeps it for ever and asks for the new
one when it changes. A style sheet is served with what it imports inside it, a module with the fingerprinted
names of what it imports.
"""

from __future__ import annotations

import gzip
import hashlib
import re
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
_CSS_IMPORT = re.compile(r'^@import "\./([\w.-]+)";$', re.MULTILINE)
_CSS_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_CSS_SPACE = re.compile(r"\s*\n\s*")
_JS_IMPORT = re.compile(r'((?:^|\s|;)(?:import|from)\s*\(?\s*")\./([\w.-]+\.js)"')


# What browsers and phones ask for without having read a page: bookmarks, home screens, files that are shown.
AT_THE_ROOT = {
    "/favicon.ico": "favicon.ico",
    "/apple-touch-icon.png": "apple-touch-icon.png",
    "/apple-touch-icon-precomposed.png": "apple-touch-icon.png",
}


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
def _files() -> dict[str, Path]:
    folders = [folder for folder in _FOLDERS if folder.is_dir()]
    return {path.name: path for folder in folders for path in folder.glob("*") if path.suffix in _TYPES}


@cache
def find(name: str) -> Asset:
    """An asset by its plain name, read once; raises `KeyError` where there is none."""
    path = _files()[name]
    body = path.read_bytes()
    if path.suffix == ".css":
        body = _style(path).encode()
    elif path.suffix == ".js":
        body = _JS_IMPORT.sub(lambda found: f'{found[1]}./{find(found[2]).name}"', body.decode()).encode()
    fingerprint = hashlib.sha256(body).hexdigest()[:12]
    packed = gzip.compress(body, 9, mtime=0) if path.suffix in _PACKED else None
    return Asset(
        name=f"{path.stem}.{fingerprint}{path.suffix}",
        media_type=_TYPES[path.suffix],
        body=body,
        packed=packed if packed is not None and len(packed) < len(body) else None,
    )


def _style(path: Path) -> str:
    """A style sheet with its imports in their places, without comments and indentation."""
    text = _CSS_IMPORT.sub(lambda found: _style(_files()[found[1]]), path.read_text(encoding="utf-8"))
    return _CSS_SPACE.sub("\n", _CSS_COMMENT.sub("", text)).strip() + "\n"


@cache
def catalogue() -> dict[str, Asset]:
    """All assets by their plain name."""
    return {name: find(name) for name in sorted(_files())}


@cache
def _by_fingerprint() -> dict[str, Asset]:
    return {asset.name: asset for asset in catalogue().values()}


def address(name: str) -> str:
    """Where an asset is served; raises `KeyError` where there is none (a mistake in a template, or a checkout
    in which `scripts/assets` has not run)."""
    return f"/assets/{find(name).name}"


@get("/assets/{name:str}", opt=public(), include_in_schema=False, sync_to_thread=False)
def serve(request: Request[object, object, State], name: str) -> Response[bytes]:
    """An asset under its fingerprinted name."""
    asset = _by_fingerprint().get(name)
    if asset is None:
        raise NoSuchAsset("there is no such file in this release")
    return _sent(request, asset, "public, max-age=31536000, immutable")


@get([*AT_THE_ROOT], opt=public(), include_in_schema=False, sync_to_thread=False)
def serve_icon(request: Request[object, object, State]) -> Response[bytes]:
    """An icon under the name that everybody knows (`scripts/icons` draws them): kept for a day, because the
    name stays when the drawing changes."""
    return _sent(request, find(AT_THE_ROOT[request.scope["path"]]), "public, max-age=86400")


def _sent(request: Request[object, object, State], asset: Asset, kept: str) -> Response[bytes]:
    name = asset.name
    headers = {"cache-control": kept, "etag": f'"{name}"', "vary": "accept-encoding"}
    if name in request.headers.get("if-none-match", ""):
        return Response(b"", status_code=304, headers=headers, media_type=asset.media_type)
    body = asset.body
    if asset.packed is not None and "gzip" in request.headers.get("accept-encoding", ""):
        body = asset.packed
        headers["content-encoding"] = "gzip"
    return Response(body, headers=headers, media_type=asset.media_type)
