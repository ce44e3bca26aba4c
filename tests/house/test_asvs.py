"""What the compliance pages claim is shown by tests that there are."""

from __future__ import annotations

import pytest

from tests.house.asvs import PAGE, SOURCE, missing_tests, page, requirements

# As many as the standard has of levels 1 and 2, by chapter (5.0.0).
_THERE_ARE = {
    "1": 27, "2": 11, "3": 19, "4": 10, "5": 9, "6": 35, "7": 18, "8": 7, "9": 7, "10": 29, "11": 14,
    "12": 9, "13": 13, "14": 9, "15": 13, "16": 16, "17": 7,
}  # fmt: skip


def test_every_requirement_of_level_1_and_2_has_one_answer() -> None:
    found = requirements(SOURCE.read_text())
    assert [one.number for one in found if one.answers != 1] == []
    assert len({one.number for one in found}) == len(found)
    chapters = [one.number.partition(".")[0] for one in found]
    assert {chapter: chapters.count(chapter) for chapter in dict.fromkeys(chapters)} == _THERE_ARE
    assert [sum(one.level == level for one in found) for level in (1, 2)] == [70, 183]


def test_every_test_that_is_named_exists() -> None:
    assert missing_tests(requirements(SOURCE.read_text())) == []


@pytest.mark.parametrize(
    "test",
    [
        "tests/house/test_asvs.py::test_that_nobody_wrote",
        "tests/house/test_nowhere.py::test_every_test_that_is_named_exists",
        "tests/house/test_asvs.py",
        "test_every_test_that_is_named_exists",
    ],
)
def test_a_test_that_does_not_exist_is_found(test: str) -> None:
    text = f'[[requirement]]\nnumber = "1.1.1"\nlevel = 1\nasks = "it"\ntests = ["{test}"]\n'
    assert missing_tests(requirements(text)) == [f"1.1.1: {test}"]


def test_the_page_is_made_of_the_source() -> None:
    assert PAGE.read_text() == page(requirements(SOURCE.read_text())), "run: make docs"
