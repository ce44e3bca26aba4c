"""Addresses of the site: under a language of ours, and nothing under any other word."""

from __future__ import annotations

import pytest

from hotel_booking.core.db import Database
from hotel_booking.core.languages import LANGUAGES
from tests.clients.http_client import running, settings_for
from tests.clients.staff_client import SAME_ORIGIN
from tests.factories.small_hotel import SLUG, small_hotel

STRANGERS = ("xx", "it", "EN", "en-GB", "english", "account", "health", "api", "admin", "wp-admin")


async def test_a_page_is_there_in_every_language(db: Database, database_url: str) -> None:
    await small_hotel(db)
    async with running(settings_for(database_url)) as (_, client):
        for language in LANGUAGES:
            for path in (f"/{language}", f"/{language}/", f"/{language}/hotels/{SLUG}"):
                page = await client.get(path)
                assert page.status_code == 200, path
                assert f'<html lang="{language}"' in page.text


@pytest.mark.parametrize("word", STRANGERS)
async def test_another_first_word_leads_nowhere(db: Database, database_url: str, word: str) -> None:
    """404 whatever the method, and before anything else is done about the request."""
    await small_hotel(db)
    # A limit of two: what no route answers pays nothing.
    async with running(settings_for(database_url, rate_limit_reads=2, rate_limit_writes=2)) as (_, client):
        client.headers.update(SAME_ORIGIN)
        for method, rest in (
            ("GET", "hotels/seaview"), ("GET", "search"), ("GET", "account/security"),
            ("POST", "hotels/seaview"), ("POST", "booking"), ("OPTIONS", "search"), ("DELETE", "search"),
        ):  # fmt: skip
            answer = await client.request(method, f"http://test/{word}/{rest}")
            assert answer.status_code == 404, (method, rest)
            assert "ratelimit-limit" not in answer.headers
