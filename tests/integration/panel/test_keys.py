"""API keys in the panel: rotated once, with what a colleague has just done told above the list."""

from __future__ import annotations

import re

import pytest

from hotel_booking.core.db import Database
from hotel_booking.domains.identity.permissions import Role
from tests.clients.http_client import running, settings_for
from tests.clients.staff_client import signed_in

NEW = {"name": "Desk", "scopes": "bookings:read", "everywhere": "true"}


async def test_a_key_is_rotated_once_and_a_colleague_is_told(db: Database, database_url: str) -> None:
    async with (
        running(settings_for(database_url, mfa_required=False)) as (app, _),
        signed_in(app, db, (Role.OWNER, None)) as client,
    ):
        made = await client.post("/admin/keys", data=NEW | {"expires_on": "2035-12-31"})
        assert "It works until " in made.text
        assert "1 January 2036" in made.text
        rotated = await client.post("/admin/keys/1/rotate")
        assert "The key has a new secret" in rotated.text
        assert "1 January 2036" in rotated.text
        listed = (await client.get("/admin/keys")).text
        assert re.findall(r'action="/admin/keys/(\d)/rotate"', listed) == ["2"]
        assert re.findall(r'action="/admin/keys/(\d)/revoke"', listed) == ["2", "1"]
        assert "by key 2; works until" in listed
        # The page of a colleague, loaded before.
        late = await client.post("/admin/keys/1/rotate")
        assert (late.status_code, late.headers["location"]) == (303, "/admin/keys")
        told = (await client.get("/admin/keys")).text
        assert "The key was rotated already: key 2 took its place. Rotate key 2." in told
        async with db.transaction() as tx:
            assert await tx.fetchval("SELECT count(*) FROM api_key") == 2


@pytest.mark.parametrize("act", ["new", "", "1/rotate", "1/revoke"])
async def test_what_is_done_with_keys_asks_again_who_one_is(
    db: Database, database_url: str, act: str
) -> None:
    """A key opens everything for longer than a session that was left open, or stolen. The empty form asks
    already, so that nothing that was filled in is lost."""
    async with (
        running(settings_for(database_url, mfa_required=False)) as (app, _),
        signed_in(app, db, (Role.OWNER, None)) as client,
    ):
        await client.post("/admin/keys", data=NEW)
        async with db.transaction() as tx:
            await tx.execute("UPDATE staff_session SET confirmed_at = confirmed_at - interval '11 minutes'")
            before = await tx.fetch("SELECT * FROM api_key")
        path = f"/admin/keys/{act}".rstrip("/")
        headers = {"Referer": "http://test/admin/keys"}
        if act == "new":
            answer = await client.get(path)
        else:
            answer = await client.post(path, data=NEW, headers=headers)
        back = "/admin/keys/new" if act == "new" else "/admin/keys"
        assert (answer.status_code, answer.headers["location"]) == (303, f"/admin/confirm?next={back}")
        async with db.transaction() as tx:
            assert await tx.fetch("SELECT * FROM api_key") == before
