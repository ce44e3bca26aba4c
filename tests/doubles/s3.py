"""A small S3 on this machine: keeps objects in memory, believes nobody without a good signature (AWS
Signature Version 4, computed here from its public description), and can be slow or out of order."""

from __future__ import annotations

import hashlib
import hmac
import re
import threading
import time
from datetime import UTC, datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import parse_qsl, quote, unquote, urlsplit
from xml.sax.saxutils import escape, unescape

KEY, SECRET, REGION, BUCKET = "AKIADOUBLE", "a secret of the double", "eu-west-1", "photos"


class S3Double:
    """with S3Double() as s3: … `s3.url`, `s3.objects`, `s3.refused`; `s3.failures` answers 503 so often
    before it works, `s3.seconds` waits before every answer."""

    def __init__(self) -> None:
        self.objects: dict[str, tuple[bytes, datetime]] = {}
        self.refused = 0
        self.failures = 0
        self.seconds = 0.0
        self.types: set[str] = set()
        double = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                pass

            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                time.sleep(double.seconds)
                status, content, more = double.handle(self.command, self.path, dict(self.headers), body)
                self.send_response(status)
                for name, value in more.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(content)

            do_GET = do_PUT = do_DELETE = do_HEAD = do_POST = answer  # noqa: N815  # http.server's names

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def handle(
        self, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, bytes, dict[str, str]]:
        """One request."""
        lower = {name.lower(): value for name, value in headers.items()}
        if not signed_well(method, path, lower, body):
            self.refused += 1
            return 403, b"<Error><Code>SignatureDoesNotMatch</Code></Error>", {}
        if self.failures:
            self.failures -= 1
            return 503, b"<Error><Code>SlowDown</Code></Error>", {}
        parts = urlsplit(path)
        key = unquote(parts.path).removeprefix(f"/{BUCKET}").lstrip("/")
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        if method == "PUT":
            self.objects[key] = body, datetime.now(UTC)
            self.types.add(lower.get("content-type", ""))
            return 200, b"", {"etag": '"1"'}
        if method == "DELETE":
            self.objects.pop(key, None)
            return 204, b"", {}
        if method == "POST" and "delete" in query:  # several at once
            keys = [unescape(found) for found in re.findall(r"<Key>([^<]+)</Key>", body.decode())]
            for one in keys:
                self.objects.pop(one, None)
            done = "".join(f"<Deleted><Key>{escape(one)}</Key></Deleted>" for one in keys)
            return 200, f"<DeleteResult>{done}</DeleteResult>".encode(), {"content-type": "application/xml"}
        if query.get("list-type") == "2":
            return 200, self._listing(query.get("prefix", "")), {"content-type": "application/xml"}
        if key not in self.objects:
            return 404, b"<Error><Code>NoSuchKey</Code></Error>", {}
        content, at = self.objects[key]
        return 200, content, {"etag": '"1"', "last-modified": format_datetime(at, usegmt=True)}

    def _listing(self, prefix: str) -> bytes:
        items = "".join(
            f"<Contents><Key>{escape(key)}</Key><LastModified>{at:%Y-%m-%dT%H:%M:%S.000Z}</LastModified>"
            f"<ETag>1</ETag><Size>{len(content)}</Size></Contents>"
            for key, (content, at) in sorted(self.objects.items())
            if key.startswith(prefix)
        )
        return (
            f"<ListBucketResult><Name>{BUCKET}</Name><Prefix>{escape(prefix)}</Prefix>"
            f"<IsTruncated>false</IsTruncated>{items}</ListBucketResult>"
        ).encode()


def signed_well(method: str, path: str, headers: dict[str, str], body: bytes) -> bool:
    """Whether the request is signed with our key, and its body is the one that was signed."""
    scheme, _, rest = headers.get("authorization", "").partition(" ")
    fields = dict(part.strip().split("=", 1) for part in rest.split(",") if "=" in part)
    day = headers.get("x-amz-date", "")[:8]
    scope = f"{day}/{REGION}/s3/aws4_request"
    if scheme != "AWS4-HMAC-SHA256" or fields.get("Credential") != f"{KEY}/{scope}":
        return False
    content = headers.get("x-amz-content-sha256", "")
    if content not in ("UNSIGNED-PAYLOAD", hashlib.sha256(body).hexdigest()):
        return False
    parts = urlsplit(path)
    pairs = sorted(parse_qsl(parts.query, keep_blank_values=True))
    names = fields["SignedHeaders"].split(";")
    canonical = "\n".join(
        [
            method,
            quote(unquote(parts.path), safe="/-_.~"),
            "&".join(f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in pairs),
            *(f"{name}:{' '.join(headers.get(name, '').split())}" for name in names),
            "",
            fields["SignedHeaders"],
            content,
        ]
    )
    hashed = hashlib.sha256(canonical.encode()).hexdigest()
    text = f"AWS4-HMAC-SHA256\n{headers['x-amz-date']}\n{scope}\n{hashed}"
    key = f"AWS4{SECRET}".encode()
    for part in (day, REGION, "s3", "aws4_request", text):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.compare_digest(key.hex(), fields.get("Signature", ""))
