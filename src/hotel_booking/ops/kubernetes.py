"""The Kubernetes API from inside a pod, with the pod's own account: what our small Deployments look at and
change where there is no kubectl (`ops/kubectl.py` is for people).

Each call is a connection of its own and reads token and certificates anew, because the kubelet renews
them."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec

from hotel_booking.ops.refusals import Refused, WrongUse

_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_SECONDS = 5.0
_TYPES = {"merge": "application/merge-patch+json", "json": "application/json-patch+json"}
_EXPIRED, _DENIED, _MISSING, _CHANGED = 401, 403, 404, 409


class ApiError(Refused):
    """The API did not answer, or refused. `status` is 0 where it did not."""

    def __init__(self, detail: str, status: int = 0) -> None:
        super().__init__(detail)
        self.status = status


class Api:
    """The API server of the cluster that this pod runs in."""

    def __init__(self, host: str, port: int, account: Path) -> None:
        self._host, self._port, self._account = host, port, account

    @classmethod
    def in_pod(cls, environ: Mapping[str, str], account: Path = _ACCOUNT) -> Api:
        """As the kubelet says where it is. Raises `WrongUse` where this is no pod that has a token."""
        host = environ.get("KUBERNETES_SERVICE_HOST")
        if not host or not (account / "token").exists():
            raise WrongUse(
                "this is no pod with an account of Kubernetes",
                "It runs in the cluster: deployment/kubernetes/base/guard.yaml",
            )
        return cls(host, int(environ.get("KUBERNETES_SERVICE_PORT", "443")), account)

    def get(self, path: str) -> Any:
        """The object at a path. Raises `ApiError`."""
        return self._call("GET", path)

    def find(self, path: str) -> Any | None:
        """The object, or None where there is none, or no such kind. Raises `ApiError`."""
        try:
            return self._call("GET", path)
        except ApiError as error:
            if error.status == _MISSING:
                return None
            raise

    def patch(self, path: str, body: Any, kind: Literal["merge", "json"] = "merge") -> Any:
        """Change the object; what it is then. Raises `ApiError`: with the status 409 (or 422, of a JSON
        patch's `test`) where it is not as it was."""
        return self._call("PATCH", path, body, _TYPES[kind])

    def _call(self, method: str, path: str, body: Any = None, media: str = "") -> Any:
        try:
            token = (self._account / "token").read_text().strip()
            trusted = ssl.create_default_context(cafile=str(self._account / "ca.crt"))
            connection = http.client.HTTPSConnection(
                self._host, self._port, timeout=_SECONDS, context=trusted
            )
            try:
                headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
                if media:
                    headers["Content-Type"] = media
                sent = None if body is None else msgspec.json.encode(body)
                connection.request(method, path, sent, headers)
                answer = connection.getresponse()
                content = answer.read()
            finally:
                connection.close()
        except (OSError, http.client.HTTPException) as error:
            raise ApiError(f"the Kubernetes API does not answer: {type(error).__name__}") from None
        if answer.status >= http.HTTPStatus.MULTIPLE_CHOICES:
            raise ApiError(_meaning(answer.status, method, path, content), answer.status)
        return msgspec.json.decode(content)


def _meaning(status: int, method: str, path: str, content: bytes) -> str:
    what = f"{method} {path}"
    if status == _EXPIRED:
        return f"the Kubernetes API does not know this pod's account any more ({what})"
    if status == _DENIED:
        return f"this pod's account may not: {what}"
    try:
        said = str(msgspec.json.decode(content).get("message", ""))[:300]
    except (msgspec.DecodeError, AttributeError):
        said = ""
    return f"the Kubernetes API answered {status} to {what}{f': {said}' if said else ''}"
