"""The OpenAPI document as its users see it: linters, generators, type checkers, and a partner's program."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import uvicorn

from hotel_booking.app import build
from hotel_booking.core.db import Database
from hotel_booking.http import openapi
from tests.clients.http_client import api_key, settings_for
from tests.clients.node import node

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PYTHON = ROOT / ".venv-clients" / "bin"
MODULES = HERE / "node_modules"
NODE = node()


def run(*command: str | Path, cwd: Path = HERE, **environment: str) -> str:
    """What a tool prints; a tool that fails fails the test with all it said."""
    result = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=os.environ | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    said = result.stdout + result.stderr
    assert result.returncode == 0, said
    return said


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The document in a file, as a group's own address serves it."""
    app = build(settings_for("postgresql://localhost/none", public_url="https://stay.wayfinch.test"))
    path = tmp_path_factory.mktemp("openapi") / "openapi.json"
    path.write_bytes(msgspec.json.format(msgspec.json.encode(openapi.document(app)), indent=1))
    return path


@pytest.fixture(scope="module")
def python_client(document: Path) -> Path:
    """The folder of the generated Python client, with the partner's program beside it."""
    run(
        PYTHON / "openapi-python-client", "generate", "--path", document, "--meta", "none",
        "--output-path", document.parent / "hotel_client", "--config", HERE / "generator.yml",
        "--fail-on-warning",
    )  # fmt: skip
    shutil.copy(HERE / "partner.py", document.parent)
    return document.parent


def test_the_linters_have_nothing_to_say(document: Path) -> None:
    spectral = MODULES / "@stoplight/spectral-cli/dist/index.js"
    said = run(NODE, spectral, "lint", document, "--ruleset", ".spectral.yaml", "--fail-severity", "hint")
    assert "No results" in said
    said = run(
        NODE, MODULES / "@redocly/cli/bin/cli.js", "lint", document, "--config", "redocly.yaml",
        REDOCLY_TELEMETRY="off", REDOCLY_SUPPRESS_UPDATE_NOTICE="true",
    )  # fmt: skip
    assert "warning" not in said.lower()


def test_a_typescript_client_compiles(document: Path) -> None:
    generator = MODULES / "openapi-typescript/bin/cli.js"
    output = HERE / "generated" / "schema.d.ts"
    said = run(NODE, generator, document, "-o", output, "--default-non-nullable", "false")
    assert "⚠" not in said
    run(NODE, MODULES / "typescript/bin/tsc", "--project", HERE)


def test_a_python_client_passes_the_type_checker(python_client: Path) -> None:
    run(PYTHON / "mypy", "--strict", "partner.py", "hotel_client", cwd=python_client)


@pytest.fixture
def server(chain_url: str) -> Iterator[str]:
    """The application on a socket, with three hotels of the demo chain."""
    listener = socket.socket(proto=socket.IPPROTO_TCP)  # else asyncio leaves Nagle on: 40 ms a response
    listener.bind(("127.0.0.1", 0))
    config = uvicorn.Config(build(settings_for(chain_url)), log_config=None, access_log=False)
    running = uvicorn.Server(config)
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listener]})
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    running.should_exit = True
    thread.join()
    listener.close()


def test_a_partner_books_pays_is_declined_cancels_and_sets_prices(
    python_client: Path, server: str, chain_url: str
) -> None:
    async def key() -> str:
        async with Database.open(chain_url, size=1) as db:
            return await api_key(db)

    said = run(PYTHON / "python", "partner.py", server, asyncio.run(key()), cwd=python_client)
    assert said.strip().endswith("at wayfinch-grand-lisbon")
