"""Incidents in the panel: from the declaration to the post-mortem, and what is refused."""

from __future__ import annotations

import html
import re

import httpx
import msgspec
import pytest

from hotel_booking.core.db import Database
from hotel_booking.domains.identity.permissions import Role
from hotel_booking.domains.incidents import notification, queries, service
from tests.clients.http_client import running, settings_for
from tests.clients.staff_client import signed_in
from tests.integration.http.test_access import contents
from tests.integration.http.test_alertmanager import BEGAN, alert, body


async def sent(client: httpx.AsyncClient, path: str, **form: str | list[str]) -> httpx.Response:
    return await client.post(path, data=form, headers={"content-type": "application/x-www-form-urlencoded"})


def text_of(answer: httpx.Response) -> str:
    return html.unescape(" ".join(re.sub(r"<[^>]+>", " ", answer.text).split()))


async def test_an_incident_from_the_form_to_the_post_mortem(db: Database, database_url: str) -> None:
    async with (
        running(settings_for(database_url, mfa_required=False)) as (app, _),
        signed_in(app, db, (Role.OWNER, None)) as client,
    ):
        asked = await client.get("/admin/incidents/new")
        assert "Complete service outage, data loss risk" in text_of(asked)
        answer = await sent(
            client, "/admin/incidents", title="Nobody can pay <b>", severity="P1",
            components=["payments", "site"], minutes="10", leads="true",
        )  # fmt: skip
        assert answer.status_code == 303, answer.text
        page = answer.headers["location"]

        shown = await client.get(page)
        assert "Nobody can pay <b>" in text_of(shown), "escaped, and as it was typed"
        assert re.search(r'aria-current="step"[^>]*><strong>Detection', shown.text)
        assert "Acknowledge it within" in text_of(shown)
        assert "Update the status page within" in text_of(shown)
        assert "psql -h" in html.unescape(shown.text)
        assert "$DB_HOST" not in shown.text, "the commands are filled in"
        assert "it does not stand on the status page" in text_of(shown)

        for act, form in {
            "acknowledge": {},
            "move": {"phase": "response"},
            "assess": {"severity": "P2", "components": ["payments"], "impact": "Cards fail"},
            "role": {"role": "scribe", "name": "Cleo Example"},
            "note": {"text": "the gateway answers 503"},
            "update": {"status": "investigating", "body": "We look.", "title": "Payments fail"},
            "action": {"what": "alert sooner", "owner": "", "due_on": "2030-01-02"},
            "resolve": {"text": "the gateway is back"},
        }.items():
            answer = await sent(client, f"{page}/{act}", **form)  # type: ignore[arg-type]  # texts and lists of them
            assert answer.status_code == 303, f"{act}: {text_of(answer)}"
        shown = await client.get(page)
        for expected in (
            "Post-mortem",
            "Cards fail",
            "Cleo Example",
            "Customers were told",
            "Customers do not know yet that it is over",
            "Ada Member, by 2 Jan 2030",
        ):
            assert expected in text_of(shown)
        over = {"status": "resolved", "body": "It works again.", "title": ""}
        assert (await sent(client, f"{page}/update", **over)).status_code == 303
        assert "Customers do not know yet" not in text_of(await client.get(page))
        assert "within" not in text_of(shown), "its clocks have stopped"
        listed = await client.get("/admin/incidents")
        assert "alert sooner" in text_of(listed)

        refused = await sent(client, f"{page}/close")
        assert (refused.status_code, "of its actions is not done" in text_of(refused)) == (422, True)
        assert (await sent(client, f"{page}/done", action_id="1")).status_code == 303
        form = await client.get(f"{page}/post-mortem")
        version = re.search(r'name="version" value="(\d+)"', form.text)
        assert version is not None
        written = {"impact": "Cards failed", "cause": "their <i>deployment", "lessons": "watch | them"}
        for number, status in ((version[1], 303), (version[1], 422)):
            answer = await sent(client, f"{page}/post-mortem", version=number, **written)
            assert answer.status_code == status
        assert "meanwhile" in text_of(answer)
        document = await client.get(f"{page}/post-mortem")
        assert "their <i>deployment" in text_of(document)
        file = await client.get(f"{page}/post-mortem/download")
        assert file.headers["content-type"].startswith("text/markdown")
        assert file.text.startswith("# Post-mortem 1: Nobody can pay \\<b\\>\n")
        assert (await sent(client, f"{page}/close")).status_code == 303
        assert (await sent(client, f"{page}/reopen", text="it is back")).status_code == 303
        assert "lasts" in text_of(await client.get("/admin/incidents"))


async def test_an_alerts_incident_shows_its_action_and_the_checklist_that_fits(
    db: Database, database_url: str
) -> None:
    said = body(alert("DatabaseConnectionsHigh"))
    said["alerts"][0]["annotations"]["runbook_url"] = (
        "https://admin.hotelbooking.com/admin/runbook#database-issues"
    )
    async with db.transaction() as tx:
        await service.receive(tx, notification=notification.read(msgspec.json.encode(said)), now=BEGAN)
    async with (
        running(settings_for(database_url, mfa_required=False)) as (app, _),
        signed_in(app, db, (Role.OWNER, None)) as client,
    ):
        shown = await client.get("/admin/incidents/1")
        assert "Immediate rollback" in text_of(shown)
        assert 'href="https://admin.hotelbooking.com/admin/runbook#database-issues"' in shown.text
        assert shown.text.index("database-issues-1") < shown.text.index("high-error-rate-1")
        assert "overdue" in text_of(shown)


@pytest.mark.parametrize(
    ("path", "form", "said"),
    [
        ("/admin/incidents", {"title": "", "severity": "P1"}, "Must be filled in"),
        ("/admin/incidents", {"title": "x", "severity": "P9"}, "Must be one of the options"),
        ("/admin/incidents", {"title": "x", "severity": "P1", "minutes": "-1"}, "whole number"),
        ("/admin/incidents", {"title": "x\x00", "severity": "P1"}, "can’t be stored"),
        ("/admin/incidents/1/note", {"text": " "}, "Must be filled in"),
        ("/admin/incidents/1/move", {"phase": "closed"}, "not a phase that one moves to"),
        ("/admin/incidents/1/reopen", {}, "is not resolved"),
        ("/admin/incidents/1/close", {}, "is not resolved"),
        ("/admin/incidents/1/update", {"status": "resolved", "body": "Over"}, "resolved when it is"),
        ("/admin/incidents/1/update", {"status": "asleep", "body": "Over"}, "Must be one of the options"),
        (
            "/admin/incidents/1/assess",
            {"severity": "P1", "components": "cellar"},
            "Must be one of the options",
        ),
        ("/admin/incidents/1/action", {"what": "x", "due_on": "soon"}, "Must be a date"),
        ("/admin/incidents/1/done", {"action_id": "77"}, "no such action"),
        ("/admin/incidents/1/post-mortem", {"version": "77"}, "meanwhile"),
    ],
)
async def test_what_is_wrong_is_said_beside_the_form(
    db: Database, database_url: str, path: str, form: dict[str, str], said: str
) -> None:
    async with (
        running(settings_for(database_url, mfa_required=False)) as (app, _),
        signed_in(app, db, (Role.OWNER, None)) as client,
    ):
        await sent(client, "/admin/incidents", title="Nobody can pay", severity="P3")
        before = await contents(db)
        answer = await sent(client, path, **form)
        assert answer.status_code == 422, text_of(answer)
        assert said in text_of(answer)
        assert await contents(db) == before
        for nothing in ("/admin/incidents/1/sing", "/admin/incidents/2/note", "/admin/incidents/2"):
            gone = await sent(client, nothing) if nothing.count("/") > 3 else await client.get(nothing)
            assert gone.status_code == 404


async def test_who_sees_may_not_act(db: Database, database_url: str) -> None:
    async with running(settings_for(database_url, mfa_required=False)) as (app, _):
        async with signed_in(app, db, (Role.FRONT_DESK, None)) as desk:
            assert (await sent(desk, "/admin/incidents", title="It smells", severity="P4")).status_code == 303
            shown = await desk.get("/admin/incidents/1")
            assert '<form method="post" action="/admin/incidents' not in shown.text
            assert (await sent(desk, "/admin/incidents/1/acknowledge")).status_code == 403
        async with signed_in(app, db, (Role.READ_ONLY, None)) as reader:
            assert (await reader.get("/admin/incidents/1")).status_code == 200
            assert (await reader.get("/admin/incidents/new")).status_code == 403
    async with db.reading() as tx:
        assert (await queries.find(tx, 1)).acknowledged_at is None
