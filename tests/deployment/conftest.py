"""What the tests against a double of AWS share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.deployment.aws_double import moto, moto_program


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Where moto listens: once for each module, which forgets what was there by `reset`."""
    with moto(moto_program(), tmp_path_factory.mktemp("moto") / "moto.log") as port:
        yield port
