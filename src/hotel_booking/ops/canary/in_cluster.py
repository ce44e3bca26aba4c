"""The Canary, read and patched from inside the cluster with the pod's own account."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import msgspec

from hotel_booking.ops.canary.state import NAME, Canary
from hotel_booking.ops.refusals import WrongUse

_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_SECONDS = 5.0


class ApiError(Exception):
    """The Kubernetes API did not answer, or refused."""


class InCluster:
    """The API server as a pod reaches it. Raises `WrongUse` where this is no pod with an account."""

    def __init__(self, environ: Mapping[str, str], account: Path = _ACCOUNT) -> None:
        try:
            self.namespace = (account / "namespace").read_text().strip()
            host = environ["KUBERNETES_SERVICE_HOST"]
            trusted = ssl.create_default_context(cafile=str(account / "ca.crt"))
        except (OSError, KeyError) as error:
            raise WrongUse(
                f"this is no pod that may ask Kubernetes: {error}",
                "The hooks run in the cluster: deployment/kubernetes/base/release.yaml",
            ) from None
        self._token = account / "token"
        place = f"{f'[{host}]' if ':' in host else host}:{environ.get('KUBERNETES_SERVICE_PORT', '443')}"
        self._client = httpx.Client(
            base_url=f"https://{place}/apis/flagger.app/v1beta1/namespaces/{self.namespace}",
            verify=trusted,
            timeout=_SECONDS,
            trust_env=False,
        )

    def canary(self) -> Canary:
        """As it is now. Raises `ApiError`."""
        try:
            return msgspec.json.decode(self._call("GET"), type=Canary)
        except msgspec.DecodeError as error:
            raise ApiError(f"the Canary is not as we know it: {error}") from None

    def close_gate(self, planned: float) -> None:
        """Nobody has decided anything of the release that begins. Raises `ApiError`."""
        self._call("PATCH", {"spec": {"analysis": {"maxWeight": planned}}})

    def _call(self, method: str, body: Any = None) -> bytes:
        headers = {"Authorization": f"Bearer {self._token.read_text().strip()}"}  # renewed by the kubelet
        if body is not None:
            headers["Content-Type"] = "application/merge-patch+json"
        try:
            answer = self._client.request(
                method,
                f"/canaries/{NAME}",
                headers=headers,
                content=None if body is None else msgspec.json.encode(body),
            )
        except httpx.HTTPError as error:
            raise ApiError(f"the Kubernetes API did not answer: {type(error).__name__}") from None
        if answer.status_code != 200:
            raise ApiError(f"the Kubernetes API answered {answer.status_code} to {method} of {NAME}")
        return answer.content
