"""Access to Kubernetes as the reaper's pod sees and ends it, where there is no kubectl."""

from __future__ import annotations

import msgspec

from hotel_booking.ops.access.bindings import Binding, Item, path, read
from hotel_booking.ops.kubernetes import Api


class InPod:
    """RoleBindings of the pod's own namespace. Raises `ops.kubernetes.ApiError`."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def all(self) -> list[Binding]:
        """Every binding that was granted here."""
        answer = self._api.get(path(self._api.namespace))
        return [read(msgspec.convert(item, Item)) for item in answer["items"]]

    def remove(self, name: str) -> None:
        """Have it gone."""
        self._api.delete(path(self._api.namespace, name))
