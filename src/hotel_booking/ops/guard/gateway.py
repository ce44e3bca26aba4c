"""Whether the gateway is closed by deployment/kubernetes/maintenance-mode.yaml, told to the application: it
keeps rooms that are held, and announces the maintenance, for as long as guests cannot come in."""

from __future__ import annotations

import logging
from collections.abc import Callable

from hotel_booking.ops.kubernetes import Api, ApiError

FILTER = "/apis/networking.istio.io/v1alpha3/namespaces/istio-ingress/envoyfilters/hotel-booking-maintenance"
log = logging.getLogger("hotel_booking.guard")


class Gateway:
    """`close` and `reopen` tell the application and say whether that has worked; both may be called again."""

    def __init__(self, api: Api, *, close: Callable[[], bool], reopen: Callable[[], bool]) -> None:
        self._api, self._close, self._reopen = api, close, reopen
        self.closed = False
        self._told: bool | None = None
        self._problem = ""

    def look(self) -> None:
        """Look once, and tell the application where it is not as it was told last. What cannot be seen is
        taken to be as it was."""
        try:
            self.closed = self._api.find(FILTER) is not None
        except ApiError as error:
            if error.detail != self._problem:
                self._problem = error.detail
                log.warning("whether the gateway is closed is not known: %s", error.detail)
            return
        self._problem = ""
        if self.closed != self._told and (self._close() if self.closed else self._reopen()):
            self._told = self.closed
            log.info("the gateway is %s, and the application knows", "closed" if self.closed else "open")
