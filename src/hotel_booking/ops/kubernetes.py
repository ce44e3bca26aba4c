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

    @staticmethod
    def is_pod(environ: Mapping[str, str], account: Path = _ACCOUNT) -> bool:
        """Whether this is a pod that has a token."""
        return bool(environ.get("KUBERNETES_SERVICE_HOST")) and (account / "token").exists()

    @classmethod
    def in_pod(cls, environ: Mapping[str, str], account: Path = _ACCOUNT) -> Api:
        """As the kubelet says where it is. Raises `WrongUse` where this is no pod that has a token."""
        if not cls.is_pod(environ, account):
            raise WrongUse(
                "this is no pod with an account of Kubernetes",
                "It runs in the cluster: deployment/kubernetes/base",
            )
        port = int(environ.get("KUBERNETES_SERVICE_PORT") or 443)
        return cls(environ["KUBERNETES_SERVICE_HOST"], port, account)

    @property
    def namespace(self) -> str:
        """The pod's own. Raises `ApiError` where the kubelet has not said it."""
        return self._told("namespace")

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

    def delete(self, path: str) -> None:
        """Have the object gone; none is fine. Raises `ApiError`."""
        try:
            self._call("DELETE", path)
        except ApiError as error:
            if error.status != _MISSING:
                raise

    def _told(self, name: str) -> str:
        try:
            return (self._account / name).read_text().strip()
        except OSError as error:
            raise ApiError(f"this pod has no account of Kubernetes: {error}") from None

    def _call(self, method: str, path: str, body: Any = None, media: str = "") -> Any:
        token = self._told("token")
        try:
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
