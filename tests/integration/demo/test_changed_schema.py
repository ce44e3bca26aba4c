"""Demo data whose schema was made between two releases is not started on: pages would fail one by one."""

from __future__ import annotations

from pathlib import Path

import pytest

from hotel_booking.demo.running import refuse_changed_schema, remember_schema
from hotel_booking.ops.embedded import EmbeddedError


def test_data_of_this_checkout_is_started_on(tmp_path: Path) -> None:
    remember_schema(tmp_path)
    refuse_changed_schema(tmp_path, tmp_path, "0009")


@pytest.mark.parametrize("kept", [None, "another"])
def test_data_of_another_is_refused_with_what_to_do(tmp_path: Path, kept: str | None) -> None:
    if kept is not None:
        (tmp_path / "schema").write_text(kept)
    with pytest.raises(EmbeddedError, match=r"made by a checkout .* move that folder away"):
        refuse_changed_schema(tmp_path, tmp_path, "0009")
    remember_schema(tmp_path)
    refuse_changed_schema(tmp_path, tmp_path, "0009")
