"""The Canary, read and patched from inside the cluster with the pod's own account."""

from __future__ import annotations

import msgspec

from hotel_booking.ops.canary.state import NAME, Canary
from hotel_booking.ops.kubernetes import Api, ApiError


class InCluster:
    """The Canary of the pod's own namespace."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._path = f"/apis/flagger.app/v1beta1/namespaces/{api.namespace}/canaries/{NAME}"

    def canary(self) -> Canary:
        """As it is now. Raises `ApiError`."""
        try:
            return msgspec.convert(self._api.get(self._path), Canary)
        except msgspec.ValidationError as error:
            raise ApiError(f"the Canary is not as we know it: {error}") from None

    def close_gate(self, planned: float) -> None:
        """Nobody has decided anything of the release that begins. Raises `ApiError`."""
        self._api.patch(self._path, {"spec": {"analysis": {"maxWeight": planned}}})
