"""sqlmap (Debian's) looks for injections in what anybody may ask of the running platform."""

from __future__ import annotations

import re
import shutil
import subprocess
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import psycopg
import pytest

from hotel_booking.core.clock import utc_now
from hotel_booking.core.db import Database
from tests.clients.server import served_by_the_command

pytestmark = pytest.mark.nightly
_SECONDS = 1_500  # for one address, of which there are few
_FOUND = re.compile(r"is vulnerable|appears to be .*injectable|identified the following injection point")
_CLEAN = "do not appear to be injectable"


def looked(folder: Path, url: str, *more: str) -> str:
    """What sqlmap says of an address; fails where it could not look."""
    program = shutil.which("sqlmap")
    if program is None:
        pytest.fail("sqlmap is not installed, so nothing was looked for: apt-get install sqlmap")
    done = subprocess.run(
        [
            *(program, "--batch", "--level=2", "--risk=1", "--dbms=PostgreSQL", "--technique=BEUST"),
            *("--disable-coloring", "--flush-session", "--time-sec=2", "--threads=1", "--timeout=20"),
            *(f"--output-dir={folder}", "--ignore-code=400,404,409,422", "-u", url, *more),
        ],
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    return done.stdout + done.stderr


def injectable(said: str) -> bool:
    """Whether it found something. Raises where it says neither that nor that there is nothing."""
    if _FOUND.search(said):
        return True
    if _CLEAN not in said:
        raise AssertionError(f"sqlmap could not look: {said[-1500:]}")
    return False


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("GET parameter 'q' is vulnerable. Do you want to keep testing", True),
        ("sqlmap identified the following injection point(s) with a total of 12", True),
        ("[CRITICAL] all tested parameters do not appear to be injectable.", False),
    ],
)
def test_its_words_are_read(said: str, found: bool) -> None:
    assert injectable(said) is found
    with pytest.raises(AssertionError, match="could not look"):
        injectable("[CRITICAL] unable to connect to the target URL")


def test_sqlmap_finds_an_injection_where_there_is_one(database_url: str, tmp_path: Path) -> None:
    class Careless(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            typed = parse_qs(urlsplit(self.path).query).get("id", ["1"])[0]
            with psycopg.connect(database_url) as connection:
                try:
                    query = f"SELECT relname FROM pg_class WHERE oid::int8 = {typed}"
                    text = str(connection.execute(query.encode()).fetchall())
                except psycopg.Error as error:
                    text = str(error)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - so the library calls it
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Careless)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        said = looked(tmp_path, f"http://127.0.0.1:{server.server_port}/?id=1259", "-p", "id")
    finally:
        server.shutdown()
        server.server_close()
    assert injectable(said)


async def test_sqlmap_finds_nothing(chain: Database, chain_url: str, tmp_path: Path) -> None:
    day = (utc_now() + timedelta(days=20)).date()
    stay = {"arrival": day, "departure": day + timedelta(days=2), "adults": 2}
    async with chain.transaction() as tx:
        slug = await tx.fetchval("SELECT slug FROM property ORDER BY id LIMIT 1")
    site = "--headers=Sec-Fetch-Site: same-origin"
    limits = {"HOTEL_RATE_LIMIT_READS": "10000000", "HOTEL_RATE_LIMIT_WRITES": "10000000"}
    async with served_by_the_command(chain_url, tmp_path / "log", **limits) as address:
        quote = (
            f'{{"property": "{slug}*", "arrival": "{stay["arrival"]}*", "departure": "{stay["departure"]}",'
            ' "rooms": [{"room_type": "DBL*", "rate_plan": "FLEX*", "adults": 2}]}'
        )
        asked: list[tuple[str, ...]] = [
            (f"{address}/en/search?{urlencode({'q': 'Lisbon', 'sort': 'price', **stay})}", "-p", "q,sort"),
            (
                f"{address}/api/v1/search?{urlencode({'lat': 38.7, 'lon': -9.1, 'sort': 'price', **stay})}",
                *("-p", "lat,sort,arrival"),
            ),
            (f"{address}/api/v1/places?q=lis", "-p", "q"),
            (f"{address}/api/v1/properties/{slug}/offers?{urlencode(stay)}", "-p", "arrival,adults"),
            (
                f"{address}/en/account/sign-in",
                "--data=email=ana@example.com&password=wrong",
                "-p",
                "email",
                site,
            ),
            (f"{address}/api/v1/quotes", f"--data={quote}", "--headers=Content-Type: application/json"),
        ]
        found = []
        for number, (url, *more) in enumerate(asked):
            if injectable(looked(tmp_path / str(number), url, *more)):
                found.append(url)
        assert found == []
    log = (tmp_path / "log").read_text()
    assert '"status": 500' not in log
