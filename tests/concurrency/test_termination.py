"""A web server that is told to stop answers what it was asked, and then ends."""

from __future__ import annotations

import pytest
from benchmarks.termination import ANSWER, run

pytestmark = pytest.mark.postgresql
_OPEN = 200


def test_none_of_200_open_requests_fails_when_it_is_told_to_stop(database_url: str) -> None:
    answers, code, _ = run(database_url, requests=_OPEN, workers=2)
    assert answers == {ANSWER: _OPEN}
    assert code == 0
