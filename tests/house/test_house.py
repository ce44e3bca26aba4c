"""Rules about the code itself. Layers are import-linter's (`make imports`)."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.conftest import LONGEST

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted((ROOT / "src").rglob("*.py"))


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("this is no git checkout")
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_these_rules_look_at_something() -> None:
    """A rule about files that are not there holds for ever."""
    assert len(MODULES) > 300
    tests = Path(__file__).resolve().parents[1]
    assert [name for name in LONGEST if not (tests / name).exists()] == []


def test_modules_stay_small() -> None:
    assert {
        str(path.relative_to(ROOT)): n for path in MODULES if (n := len(path.read_text().splitlines())) > 400
    } == {}


def test_modules_are_named_for_what_they_hold() -> None:
    vague = {"utils", "util", "helpers", "helper", "manager", "managers", "common", "misc"}
    assert [path for path in MODULES if path.stem in vague or path.parent.name in vague] == []


def test_every_module_and_public_thing_says_what_it_is() -> None:
    import ast

    silent = []
    for path in MODULES:
        tree = ast.parse(path.read_text())
        where = path.relative_to(ROOT)
        if not ast.get_docstring(tree) and path.read_text().strip():
            silent.append(str(where))
        silent += [
            f"{where}: {node.name}"
            for node in tree.body
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            and not node.name.startswith("_")
            and not ast.get_docstring(node)
        ]
    assert silent == []


def test_loggers_have_one_name() -> None:
    loggers = re.compile(r"^(\w+)(?:: [^=]+)? = (?:logging\.)?getLogger\(", re.MULTILINE)
    assert {name for path in MODULES for name in loggers.findall(path.read_text())} == {"log"}


def test_the_largest_numbers_of_columns_are_named_in_one_place() -> None:
    """But for bits that are no column's: the index's prices in arrays, and whole numbers of JSON."""
    written = re.compile(r"2\*\*(?:31|63)\b|2147483647|9223372036854775807")
    found = {str(path.relative_to(ROOT)) for path in MODULES if written.search(path.read_text())}
    assert found == {
        "src/hotel_booking/core/integers.py",
        "src/hotel_booking/domains/search/index/layout.py",
        "src/hotel_booking/http/idempotency.py",
    }


def test_babels_locales_are_made_in_one_place() -> None:
    """A new object for every text that is formatted is what takes longest about it."""
    found = {str(path.relative_to(ROOT)) for path in MODULES if "Locale.parse(" in path.read_text()}
    assert found == {"src/hotel_booking/core/locales.py"}


def test_the_clock_is_read_in_one_place() -> None:
    reading = re.compile(r"datetime\.now\(|date\.today\(|datetime\.utcnow\(|time\.time\(")
    allowed = {"src/hotel_booking/core/clock.py"}
    found = {str(path.relative_to(ROOT)) for path in MODULES if reading.search(path.read_text())}
    assert found == allowed


def test_what_today_is_at_a_property_is_computed_in_one_place() -> None:
    """By `core.dates.business_date`: not by UTC's date, nor by PostgreSQL, which ends days at midnight."""
    elsewhere = re.compile(
        r"\bnow\.date\(\)|\bnow\b[^\n]*\)\.date\(\)|AT TIME ZONE|current_date|localtimestamp",
        re.IGNORECASE,
    )
    # The demo's history is made for one day everywhere; exchange rates and what remains to be done after an
    # incident have dates of their own, by no hotel; so has what is years past. Staff look for the day of the
    # calendar on which a booking was made.
    allowed = {
        "src/hotel_booking/admin/incidents/pages.py",
        "src/hotel_booking/admin/today.py",
        "src/hotel_booking/demo/loader.py",
        "src/hotel_booking/cli/exchange_rates.py",
        "src/hotel_booking/cli/ops_archive.py",
        "src/hotel_booking/core/dates.py",
        "src/hotel_booking/domains/bookings/search.py",
        "src/hotel_booking/domains/exchange/service.py",
    }
    files = [*MODULES, *(ROOT / "src").rglob("*.sql")]
    found = {str(path.relative_to(ROOT)) for path in files if elsewhere.search(path.read_text())}
    assert found == allowed
    by_calendar = {str(path.relative_to(ROOT)) for path in MODULES if "calendar_date(" in path.read_text()}
    assert by_calendar == {
        "src/hotel_booking/admin/stays.py",
        "src/hotel_booking/core/dates.py",
        "src/hotel_booking/domains/bookings/service/no_show.py",
        "src/hotel_booking/domains/bookings/service/stay.py",
        "src/hotel_booking/web/booking/receipt.py",
        "src/hotel_booking/web/property/page.py",
    }


def test_no_test_keeps_today() -> None:
    """What a module reads from the clock when it is imported is yesterday for its tests after midnight."""
    read = re.compile(r"^\w.*\b(?:today|utc_now|now)\(.*", re.MULTILINE)
    kept = [
        f"{path.relative_to(ROOT)}: {line}"
        for path in (ROOT / "tests").rglob("*.py")
        for line in read.findall(path.read_text())
        if not line.startswith(("def ", "async def ")) and "timedelta(days=" not in line
    ]
    assert kept == []


def test_no_path_of_one_machine_is_tracked() -> None:
    machine = re.compile(r"(?<![\w/.])/(?:root|work|home/\w+)/")
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in tracked()
        if path.suffix in {".py", ".md", ".toml", ".sql", ".sh", ".yaml", ".html", ".css", ""}
        and path.name != "uv.lock"
        for number, line in enumerate(path.read_text(errors="ignore").splitlines(), start=1)
        if machine.search(line) and path != Path(__file__).resolve()
    ]
    assert found == []


def test_nothing_large_is_tracked() -> None:
    assert [p for p in tracked() if p.stat().st_size > 600_000 and p.name != "uv.lock"] == []


def test_links_between_documents_lead_somewhere() -> None:
    broken = [
        f"{path.relative_to(ROOT)}: {target}"
        for path in tracked()
        if path.suffix == ".md"
        for target in re.findall(r"\]\((?!https?:|mailto:|#|/)([^)#\s]+)", path.read_text())
        if not (path.parent / target).exists()
    ]
    assert broken == []


def test_files_that_documents_name_are_there() -> None:
    named = re.compile(r"`((?:tests|src|docs|scripts|benchmarks)/[\w./-]*\w)`")
    missing = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in tracked()
        if path.suffix in {".md", ".py"}
        for name in named.findall(path.read_text())
        if not (ROOT / name).exists()
    ]
    assert missing == []
