"""The incident tracker from the command line, from the declaration to the report."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from typer.testing import CliRunner

from hotel_booking.cli import app
from hotel_booking.core.errors import DomainError


@pytest.fixture
def incident(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """`hotel-booking incident ...` on a fresh database: what it prints."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("REDIS_URL", "redis://:secret@cache:6379/0")

    def run(*words: str, by: str = "Ada Example") -> str:
        reads = words[0] in ("list", "show", "actions", "post-mortem", "report", "checklist")
        result = CliRunner().invoke(app, ["incident", *words, *([] if reads else ["--by", by])])
        if isinstance(result.exception, DomainError):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result.output

    return run


def test_an_incident_is_worked_on_without_the_panel(incident: Callable[..., str]) -> None:
    assert "There is none" in incident("list")
    assert "#incident-" in incident(
        "declare", "Nobody can pay", "--severity", "P1", "--component", "payments"
    )
    assert "Nobody can pay" in incident("list")
    shown = incident("show", "1")
    assert "[Detection] → Triage" in shown
    assert "acknowledge: due at" in shown
    assert "not told to slack: it waits" in shown
    incident("ack", "1", by="Ben Example")
    incident("assess", "1", "--severity", "P2", "--component", "payments", "--impact", "Cards fail")
    checklists = incident("checklist", "1")
    assert "High error rate (docs/RUNBOOK.md#high-error-rate)" in checklists
    assert "redis-cli -u redis://cache:6379/0 INFO memory" in checklists, "and no password is shown"
    assert "$" not in checklists, "the commands are filled in"
    assert 'journalctl -u hotel-booking --since "20' in checklists
    incident("move", "1", "response")
    incident("role", "1", "scribe", "Cleo Example")
    assert incident("note", "1", "the gateway answers | 503 <b>") == "Noted in the timeline of incident 1.\n"
    assert "investigating (investigating)" in incident("update", "1", "--template", "list")
    incident("update", "1", "--template", "investigating", "--title", "Payments fail")
    assert "Payments fail" in incident("list", "--published")
    over = incident("resolve", "1", "the gateway is back")
    assert "Customers do not know yet" in over
    assert over.endswith("  hotel-booking incident update 1 --template resolved\n")
    incident("update", "1", "--template", "resolved")
    incident("reopen", "1", "it is back")
    assert incident("resolve", "1", "for good") == "Incident 1 is resolved.\n", "they know"
    assert "Action 1" in incident(
        "action", "1", "alert sooner", "--owner", "Ben Example", "--due", "2026-04-01"
    )
    assert "1/1  2026-04-01  Ben Example: alert sooner" in incident("actions")
    with pytest.raises(DomainError, match="not done"):
        incident("close", "1")
    assert incident("done", "1", "1") == "Action 1 is done.\n"
    assert incident("actions") == "Nothing remains to be done.\n"
    document = incident("post-mortem", "1")
    assert document.startswith("# Post-mortem 1: Nobody can pay\n")
    assert "- **Commander**: Ben Example" in document
    assert "the gateway answers \\| 503 \\<b\\>" in document, "what people write is no Markdown"
    assert "- [x] alert sooner (Ben Example, by 2026-04-01)" in document
    assert "P2" in incident("report")
    with pytest.raises(DomainError, match="there is no incident 2"):
        incident("show", "2")


def test_who_acts_may_have_no_name(incident: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    """In a container that runs as any number the machine knows no name of it."""

    def nameless(_number: int) -> object:
        raise KeyError("uid not found")

    for name in ("LOGNAME", "USER", "LNAME", "USERNAME", "SUDO_USER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pwd.getpwuid", nameless)
    incident("declare", "Nobody can pay", "--severity", "P3", by="")
    assert f"  {os.getuid()}: Declared as P3" in incident("show", "1")


def test_what_is_not_assessed_anew_stays_as_it_was(incident: Callable[..., str]) -> None:
    """The runbook's line names no component: the status page must not turn green by it."""
    incident("declare", "Nobody can pay", "--severity", "P2", "--component", "payments")
    incident("assess", "1", "--severity", "P1", "--impact", "Cards fail")
    assert "**Affected**: payments" in incident("post-mortem", "1")
    incident("assess", "1", "--severity", "P2", "--component", "site", "--component", "payments")
    document = incident("post-mortem", "1")
    assert "**Affected**: site, payments" in document
    assert "## Impact\n\nCards fail" in document
    incident("assess", "1", "--severity", "P3", "--component", "none", "--impact", "")
    document = incident("post-mortem", "1")
    assert "**Affected**: nothing that customers see" in document
    assert "Cards fail\n\n## Cause" not in document
