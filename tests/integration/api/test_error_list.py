"""The page of all errors: what the code raises stands there, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

from hotel_booking import app as _application  # every module that has an error  # noqa: F401
from hotel_booking.api.error_list import entries
from hotel_booking.core.errors import DomainError
from hotel_booking.domains.rates.restrictions import MEANINGS, ReasonCode
from tests.clients.http_client import running, settings_for

SOURCE = Path(__file__).resolve().parents[3] / "src" / "hotel_booking"


def _classes(kind: type[DomainError] = DomainError) -> dict[str, type[DomainError]]:
    found = {kind.__name__: kind}
    for one in kind.__subclasses__():
        found |= _classes(one)
    return found


def test_every_code_that_is_raised_stands_there_and_every_one_there_is_raised() -> None:
    ours = re.compile(r"hotel_booking\.(?!cli)")
    classes = {name: kind for name, kind in _classes().items() if ours.match(kind.__module__)}
    text = "\n".join(
        path.read_text() for path in SOURCE.rglob("*.py") if path.relative_to(SOURCE).parts[0] != "cli"
    )
    text = re.sub(r"(?m)^\s*case .*$", "", text)  # these look at errors and make none
    made = set(re.findall(r"(?<!class )\b([A-Z]\w+)\(", text))
    raised = {kind.code for name, kind in classes.items() if name in made and name != "StayNotSold"}
    listed = {entry.code for entry in entries()}
    assert listed - set(MEANINGS) - raised == set()
    assert raised - listed == set()
    assert {"sold_out", "internal_error", "method_not_allowed", "payment_declined"} <= listed


def test_each_says_what_it_means_and_most_what_would_work() -> None:
    found = entries()
    assert set(MEANINGS) == set(ReasonCode.__args__)  # type: ignore[attr-defined]  # of a Literal
    assert [entry.code for entry in found if len(entry.meaning) < 10 or entry.meaning[-1] != "."] == []
    assert len({entry.code for entry in found}) == len(found)
    silent = {entry.code for entry in found if not entry.fixes}
    assert len(silent) < len(found) / 4  # what is not there (404) mostly explains itself
    assert silent.isdisjoint(MEANINGS)
    assert silent.isdisjoint(
        {"quote_used", "hold_expired", "payment_declined", "price_changed", "wrong_state"}
    )
    by_code = {entry.code: entry for entry in found}
    assert by_code["payment_in_progress"].passes
    assert not by_code["payment_declined"].passes
    assert by_code["payment_declined"].fixes[0] == "try another card; the rooms are still held"


async def test_a_problems_type_leads_to_its_paragraph(database_url: str) -> None:
    async with running(settings_for(database_url)) as (_, client):
        for path in ("/api/v1/keys", "/api/v1/nothing", "/api/v1/search?arrival=x", "/api/v1/bookings"):
            problem = (await client.get(path)).json()
            page = await client.get(problem["type"].partition("#")[0])
            assert page.status_code == 200
            assert problem["type"] == f"/api/docs/errors#{problem['code']}"
            assert f'id="{problem["code"]}"' in page.text
        for forbidden in ("<script", "style=", "{{"):
            assert forbidden not in page.text
        again = await client.get("/api/docs/errors", headers={"if-none-match": page.headers["etag"]})
        assert again.status_code == 304
        assert "/api/docs/errors" in (await client.get("/api/docs")).text
