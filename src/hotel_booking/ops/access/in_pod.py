"""The API server as a pod asks it, where there is no kubectl: by its ServiceAccount's token, read anew for
each request, since the kubelet renews it."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Mapping
from pathlib import Path

import msgspec

from hotel_booking.ops.access.bindings import Binding, Item, path, read
from hotel_booking.ops.kubectl import Forbidden, NotLoggedIn, Rejected, Unreachable

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_SECONDS = 10
_GONE = 404


class _Items(msgspec.Struct):
    items: list[Item]


class InPod:
    """RoleBindings of the pod's own namespace, which with its token stands in the folder `account`. Raises
    the refusals of `ops.kubectl`."""

    def __init__(self, environ: Mapping[str, str], account: Path = ACCOUNT) -> None:
        self._host = environ.get("KUBERNETES_SERVICE_HOST", "")
        self._port = int(environ.get("KUBERNETES_SERVICE_PORT") or 443)
        self.account = account

    def all(self) -> list[Binding]:
        """Every binding that was granted here."""
        said = self._ask("GET", path(self._namespace()))
        return [read(item) for item in msgspec.json.decode(said, type=_Items).items]

    def remove(self, name: str) -> None:
        """Have it gone."""
        self._ask("DELETE", path(self._namespace(), name))

    def _namespace(self) -> str:
        return self._told("namespace")

    def _told(self, name: str) -> str:
        try:
            return (self.account / name).read_text().strip()
        except OSError as error:
            raise Rejected(f"this pod has no ServiceAccount's token: {error}") from None

    def _ask(self, method: str, where: str) -> bytes:
        headers = {"Authorization": f"Bearer {self._told('token')}", "Accept": "application/json"}
        trusted = ssl.create_default_context(cafile=str(self.account / "ca.crt"))
        connection = http.client.HTTPSConnection(self._host, self._port, timeout=_SECONDS, context=trusted)
        try:
            connection.request(method, where, headers=headers)
            answer = connection.getresponse()
            said = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(f"the API server cannot be reached: {error}") from None
        finally:
            connection.close()
        if answer.status < 300 or (method == "DELETE" and answer.status == _GONE):
            return said
        refusal = {401: NotLoggedIn, 403: Forbidden}.get(answer.status, Rejected)
        words = said[:300].decode(errors="replace")
        raise refusal(f"the API server answered {answer.status} to {method} {where}: {words}")
