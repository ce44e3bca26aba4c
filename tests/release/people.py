"""Somebody with an account and a member of staff, who are signed in while releases come and go."""

from __future__ import annotations

import asyncio

import httpx

from hotel_booking.core.db import Database
from tests.cluster import stores
from tests.cluster.cluster import Cluster
from tests.cluster.load import HOST
from tests.factories import guest_accounts, staff_accounts

_GUEST, _STAFF = "signed-in@guest.example", "signed-in@staff.example"

_NAMED = {"sni_hostname": HOST}  # the gateway goes by the name, and the address has none


class SignedIn:
    """A browser of each, through the gateway, signed in by the site's own forms."""

    def __init__(self, cluster: Cluster) -> None:
        asyncio.run(_accounts(stores.administrator(cluster.world)))
        address = f"https://127.0.0.1:{cluster.world.ports['https']}"
        self._guest, self._staff = (_browser(address, sender) for sender in ("13.0.0.2", "13.0.0.3"))
        for browser, path, email, password in (
            (self._guest, "/en/account/sign-in", _GUEST, guest_accounts.PASSWORD),
            (self._staff, "/admin/sign-in", _STAFF, staff_accounts.PASSWORD),
        ):
            answer = browser.post(path, data={"email": email, "password": password}, extensions=_NAMED)
            assert answer.status_code == 303, f"{path}: {answer.status_code} {answer.text[:300]}"
        self.still()

    def still(self) -> None:
        """Both are known to whichever release answers: who is not would be sent to the sign-in."""
        for browser, path in ((self._guest, "/en/account"), (self._staff, "/admin/account")):
            answer = browser.get(path, extensions=_NAMED)
            assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.headers.get('location')}"


def _browser(address: str, sender: str) -> httpx.Client:
    headers = {**staff_accounts.BROWSER, "Host": HOST, "X-Forwarded-For": f"{sender}, 198.51.100.7"}
    # The gateway's certificate is of an authority that nobody else knows.
    return httpx.Client(base_url=address, headers=headers, verify=False, timeout=20, trust_env=False)


async def _accounts(url: str) -> None:
    async with Database.open(url, size=1) as db:
        await guest_accounts.opened(db, _GUEST)
        await staff_accounts.member(db, _STAFF)
