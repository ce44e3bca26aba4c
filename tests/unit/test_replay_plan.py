"""Reading the file and laying it out in time."""

from __future__ import annotations

import gzip
from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path

import pytest

from hotel_booking.replay.demand import (
    Kind,
    Row,
    UnreadableFile,
    UnsellableRow,
    read,
)
from hotel_booking.replay.events import (
    Plan,
    Step,
    lay_out,
    oddity,
)
from hotel_booking.replay.hotel import whole_months
from hotel_booking.replay.sizing import need, share_out
from tests.factories.demand_file import (
    ARRIVAL,
    HEADER,
    row,
    rows,
    write,
)


def plan_of(folder: Path, records: Iterable[dict[str, str]]) -> Plan:
    return lay_out(read(write(folder / "demand.csv", list(records))))


def only(folder: Path, record: dict[str, str]) -> Row:
    (item,) = plan_of(folder, [record]).rows
    return item


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (row(weekend=0, week=0), "no_nights"),
        (row(party=("0", "NA", "0")), "no_guests"),
        (row(adr="0"), "price_not_positive"),
        (row(adr="-6.38"), "price_not_positive"),
        (row(weekend=100, week=267), "too_many_nights"),
        (row(weekend=0, week=0, party=("0", "0", "0"), adr="0"), "no_nights"),
        (row(party=("0", "0", "0"), adr="0"), "no_guests"),
    ],
)
def test_rows_that_no_hotel_could_sell_have_one_reason(
    tmp_path: Path, record: dict[str, str], reason: str
) -> None:
    (item,) = read(write(tmp_path / "demand.csv", [record]))
    assert item == UnsellableRow(2, reason)  # type: ignore[arg-type]  # each case is one of them


@pytest.mark.parametrize(
    ("party", "adults", "ages"),
    [
        (("2", "NA", "0"), 2, ()),
        (("2", "NULL", "1"), 2, (0,)),
        (("0", "2", "1"), 1, (0, 8, 8)),
        (("2", "1.0", "0"), 2, (8,)),
        (("55", "0", "0"), 55, ()),
        (("90", "10", "10"), 90, (0,) * 10),
        (("100", "3", "0"), 100, ()),
    ],
)
def test_party_size_refuses_no_row(
    tmp_path: Path, party: tuple[str, str, str], adults: int, ages: tuple[int, ...]
) -> None:
    item = only(tmp_path, row(party=party))
    assert (item.adults, item.ages) == (adults, ages)


def test_a_row_is_read_as_it_is_meant(tmp_path: Path) -> None:
    item = only(tmp_path, row(lead=737, weekend=2, week=5, adr="77.005", kind="D"))
    assert item == Row(
        line=2,
        kind=Kind("Resort Hotel", "D"),
        created=ARRIVAL - timedelta(days=737),
        arrival=ARRIVAL,
        departure=ARRIVAL + timedelta(days=7),
        adults=2,
        children=0,
        babies=0,
        price=7701,
        outcome="stay",
        status_date=ARRIVAL + timedelta(days=7),
    )


def test_packed_and_marked_and_differently_ended_files_read_the_same(tmp_path: Path) -> None:
    plain = write(tmp_path / "demand.csv", rows())
    packed = write(tmp_path / "demand.csv.gz", rows())
    misnamed = tmp_path / "unpacked-by-the-browser.csv.gz"
    misnamed.write_bytes(plain.read_bytes())
    marked = tmp_path / "marked.csv"
    marked.write_bytes(b"\xef\xbb\xbf" + plain.read_bytes() + b"\n\n")
    windows = write(tmp_path / "windows.csv", rows(), lines="\r\n")
    expected = list(read(plain))
    for path in (packed, misnamed, marked, windows):
        assert list(read(path)) == expected
    assert list(read(plain, 3)) == expected[:3]


def test_the_other_published_form_of_the_columns_reads_too(tmp_path: Path) -> None:
    plain = write(tmp_path / "demand.csv", rows())
    text = plain.read_text().splitlines(keepends=True)
    camel = [name.title().replace("_", "") if name != "adr" else "ADR" for name in HEADER]
    other = tmp_path / "H1.csv"
    other.write_text(",".join(camel) + "\n" + "".join(text[1:]).replace(",A,P", ",A   ,P   "))
    assert list(read(other)) == list(read(plain))


@pytest.mark.parametrize(
    ("record", "steps"),
    [
        (row(), [Step.CREATE, Step.CHECK_IN, Step.CHECK_OUT]),
        (row(status=0), [Step.CREATE, Step.CHECK_IN, Step.CHECK_OUT_SAME_DAY]),
        (row(status=-2), [Step.CREATE, Step.CHECK_IN, Step.CHECK_OUT_SAME_DAY]),
        (row("Canceled"), [Step.CREATE, Step.CANCEL]),
        (row("Canceled", lead=3), [Step.CREATE, Step.CANCEL_SAME_DAY]),
        (row("Canceled", status=-60), [Step.CREATE, Step.CANCEL_SAME_DAY]),
        (row("No-Show", status=-111, lead=20), [Step.CREATE, Step.NO_SHOW]),
    ],
)
def test_nothing_happens_before_what_it_needs(
    tmp_path: Path, record: dict[str, str], steps: list[Step]
) -> None:
    assert [event.step for event in plan_of(tmp_path, [record]).events] == steps


def test_a_day_runs_in_its_order(tmp_path: Path) -> None:
    day = ARRIVAL
    plan = plan_of(
        tmp_path,
        [
            row("No-Show"),
            row(),
            row(arrival=day + timedelta(days=9), lead=9),
            row(arrival=day - timedelta(days=3)),
            row("Canceled", arrival=day + timedelta(days=3)),
        ],
    )
    today = next(events for on, events in plan.days() if on == day)
    assert [event.step for event in today] == [
        Step.CANCEL,
        Step.CHECK_OUT,
        Step.CREATE,
        Step.CHECK_IN,
        Step.NO_SHOW,
    ]
    assert [event.at for event in plan.events] == sorted(event.at for event in plan.events)


@pytest.mark.parametrize(
    ("record", "odd"),
    [
        (row(), None),
        (row(status=1), "check_out_early"),
        (row(status=9), "check_out_late"),
        (row(status=-1), "check_out_before_arrival"),
        (row("Canceled", status=0), None),
        (row("Canceled", status=1), "cancelled_after_arrival"),
        (row("Canceled", status=-11), "cancelled_before_booking"),
        (row("No-Show"), None),
        (row("No-Show", status=-1), "no_show_before_arrival"),
        (row("No-Show", status=1), "no_show_after_arrival"),
        (row("No-Show", status=-111), "no_show_before_booking"),
    ],
)
def test_odd_status_dates_are_named(tmp_path: Path, record: dict[str, str], odd: str | None) -> None:
    assert oddity(only(tmp_path, record)) == odd


def test_the_need_is_what_is_taken_at_once(tmp_path: Path) -> None:
    later = ARRIVAL + timedelta(days=3)
    plan = plan_of(
        tmp_path,
        [
            row(),  # three nights
            row(arrival=later),  # begins when the first ends
            row("Canceled", arrival=later, lead=30, status=-20),  # gone before the second is booked
            row(kind="D"),
            row(kind="D", arrival=ARRIVAL + timedelta(days=2)),  # shares a night
            row("No-Show", kind="E"),
            row(kind="E", arrival=ARRIVAL + timedelta(days=1), lead=0),  # the no-show's room is free by then
        ],
    )
    assert {kind.room_type: rooms for kind, rooms in need(plan).items()} == {"A": 1, "D": 2, "E": 1}


def test_rooms_are_shared_out_in_proportion_and_none_is_lost() -> None:
    needed = {Kind("H", "A"): 70, Kind("H", "D"): 20, Kind("H", "E"): 9, Kind("H", "L"): 1}
    assert share_out(100, needed) == needed
    assert list(share_out(10, needed).values()) == [7, 2, 1, 0]
    for rooms in range(1, 250):
        assert sum(share_out(rooms, needed).values()) == rooms
    assert share_out(10, {}) == {}


def test_nights_are_on_sale_for_whole_months() -> None:
    assert whole_months((date(2016, 2, 26), date(2016, 2, 29))) == (date(2016, 2, 1), date(2016, 2, 29))
    assert whole_months((date(2015, 7, 1), date(2016, 12, 31))) == (date(2015, 7, 1), date(2016, 12, 31))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"lead_time": "soon"}, "lead_time is 'soon'"),
        ({"lead_time": "-1"}, "lead_time is '-1'"),
        ({"lead_time": "1e999999"}, "lead_time is '1e999999'"),
        ({"adults": "2.5"}, "adults is '2.5'"),
        ({"adr": "NaN"}, "adr is 'NaN'"),
        ({"adr": "1e30"}, "adr is '1e30'"),
        ({"adr": "NULL"}, "adr is 'NULL'"),
        ({"arrival_date_month": "Brumaire"}, "no 26 Brumaire 2016"),
        ({"arrival_date_day_of_month": "31", "arrival_date_month": "June"}, "no 31 June 2016"),
        ({"arrival_date_year": "1815"}, "between 2000 and 2100"),
        ({"reserved_room_type": ""}, "reserved_room_type is ''"),
        ({"reservation_status": "Vanished"}, "reservation_status is 'Vanished'"),
        ({"reservation_status_date": "2016-02-30"}, "reservation_status_date is '2016-02-30'"),
        ({"hotel": "x" * 200}, "hotel is not a name"),
    ],
)
def test_a_bad_row_is_named_by_its_line(tmp_path: Path, change: dict[str, str], message: str) -> None:
    path = write(tmp_path / "demand.csv", [row(), {**row(), **change}])
    with pytest.raises(UnreadableFile) as error:
        list(read(path))
    assert "line 3:" in error.value.detail
    assert message in error.value.detail
    assert "\n" not in error.value.detail


def test_files_that_are_no_such_csv_are_named(tmp_path: Path) -> None:
    def problem(path: Path) -> str:
        with pytest.raises(UnreadableFile) as error:
            list(read(path))
        return error.value.detail

    def made(name: str, content: bytes) -> Path:
        (tmp_path / name).write_bytes(content)
        return tmp_path / name

    header = ",".join(HEADER).encode()
    assert "No such file" in problem(tmp_path / "missing.csv")
    assert "Is a directory" in problem(tmp_path)
    assert "is empty" in problem(made("empty.csv", b""))
    assert "not a CSV" in problem(made("picture.csv", b"\x89PNG\r\n\x1a\n\x00\xff"))
    assert "lacks the columns lead_time" in problem(made("other.csv", b"a,b,c\n1,2,3\n"))
    assert problem(made("one.csv", header.replace(b"lead_time,", b"") + b"\n")).endswith("column lead_time")
    assert "line 2: 2 columns" in problem(made("short.csv", header + b"\n1,2\n"))
    packed = gzip.compress(b"x" * 10 + header * 500)
    assert "damaged" in problem(made("cut.csv.gz", packed[: len(packed) // 2]))
