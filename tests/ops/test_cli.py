"""The command line: lazy, and one clear line for what a person can mend."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import asyncpg
import psycopg
import pytest

from hotel_booking import __version__
from hotel_booking.cli import NOUNS, command_of, database, main
from hotel_booking.core.schema import NEWEST
from hotel_booking.ops.child_processes import free_port
from hotel_booking.ops.embedded import Cluster
from tests.clients.command_line import command
from tests.clients.waiting import listens, wait_until

COMMAND = Path(sys.executable).with_name("hotel-booking")

SAFE = {
    "HOTEL_SECRET_KEY": "3uW9f0QmZ1xYc7Ds2VbNkLpT8hRgJaE5",
    "HOTEL_PUBLIC_URL": "https://hotel.example",
}


def run(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("DB_", "DATABASE_", "HOTEL_"))
    }
    return subprocess.run(
        [COMMAND, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=clean | environ,
        timeout=60,
    )


def test_help_names_every_noun_and_imports_no_application() -> None:
    result = run("--help")
    assert result.returncode == 0
    for noun in ("demo", "serve", "worker", "migrate", "api-key", "invariants", "replay", "openapi"):
        assert noun in result.stdout
    code = "import sys; sys.argv = ['hotel-booking', '--help']\nfrom hotel_booking.cli import main\n"
    code += "try: main()\nexcept SystemExit: pass\n"
    code += "print([m for m in ('litestar', 'asyncpg') if m in sys.modules])"
    listed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert listed.stdout.strip().endswith("[]")


def test_the_help_of_a_noun_is_about_the_noun() -> None:
    for noun in NOUNS:
        shown = command(noun, "--help")
        assert shown.returncode == 0, shown.stderr
        assert f"Usage: hotel-booking {noun}" in shown.stdout
        assert "completion" not in shown.stdout


def verbs(of: Any, *words: str) -> list[tuple[str, ...]]:
    """The words of every command below this one, and its own."""
    below = getattr(of, "commands", {})
    return [words, *(found for name, one in below.items() for found in verbs(one, *words, name))]


def test_help_speaks_of_what_is_typed_and_fills_its_lines(capsys: pytest.CaptureFixture[str]) -> None:
    for noun in NOUNS:
        for words in verbs(command_of(noun), noun):
            with pytest.raises(SystemExit):
                command_of(noun)([*words[1:], "--help"], prog_name=f"hotel-booking {noun}")
            shown = capsys.readouterr().out
            assert "Show this message" in shown
            options = shown.partition("Options ")[2]
            for ours in ("<bool>", "list[", "range>", "<str>", "<%", "--no-published", "--no-once"):
                assert ours not in options, (words, ours)
    with pytest.raises(SystemExit):
        command_of("recovery")(["--help"], prog_name="hotel-booking recovery")
    lines = [line.strip("│ \n") for line in capsys.readouterr().out.splitlines()]
    assert not [line for line in lines if line == "have no mail and nothing else sent"]


@pytest.mark.parametrize(
    ("words", "works"),
    [
        (["api-key", "revoke", "99"], "`hotel-booking api-key list` shows them"),
        (["api-key", "create", "--name", "x", "--scope", "all", "--property", "none"], "in the panel"),
        (["incident", "show", "99"], "`hotel-booking incident list --all` shows them"),
        (["incident", "done", "99", "1"], "`hotel-booking incident actions` shows what remains"),
    ],
)
def test_what_is_not_there_is_shown_by_a_command(database_url: str, words: list[str], works: str) -> None:
    done = command(*words, DATABASE_URL=database_url)
    assert done.returncode == 2
    assert works in done.stderr


def test_lists_are_json_for_programs(database_url: str, tmp_path: Path) -> None:
    made = command("api-key", "create", "--name", "A [b]", "--scope", "all", DATABASE_URL=database_url)
    assert made.returncode == 0, made.stderr
    store = {"HOTEL_BACKUP_ENGINE": "dump", "HOTEL_BACKUP_STORE": str(tmp_path), "HOTEL_BACKUP_KEY": "k" * 43}
    for words, found in (
        (("incident", "list"), []),
        (("incident", "list", "--published"), []),
        (("exchange-rates", "show"), []),
        (("ops", "backup", "list"), {"backups": [], "latest": None}),
    ):
        done = run(*words, "--json", DATABASE_URL=database_url, **store)
        assert json.loads(done.stdout) == found, words
    (key,) = json.loads(command("api-key", "list", "--json", DATABASE_URL=database_url).stdout)
    assert (key["name"], key["scopes"], key["revoked_at"]) == ("A [b]", ["all"], None)
    assert not {"secret", "hash"} & set(key)


def test_a_wrong_day_is_answered_with_a_right_one() -> None:
    for words in (
        ("incident", "action", "1", "mend it", "--owner", "me", "--due", "tomorrow"),
        ("exchange-rates", "set", "RSD", "117", "--as-of", "1.3.2026"),
    ):
        done = run(*words)
        assert done.returncode == 2
        assert "is no day such as 2026-03-01" in done.stderr


def test_a_table_that_nobody_reads_on_a_screen_is_not_cut(database_url: str) -> None:
    name = "The channel manager of all our hotels by the sea, [/b] and of those in the mountains too"
    made = run("api-key", "create", "--name", name, "--scope", "all", DATABASE_URL=database_url)
    assert made.returncode == 0, made.stderr
    listed = run("api-key", "list", DATABASE_URL=database_url, COLUMNS="")
    assert name in listed.stdout, listed.stderr


def test_a_document_that_cannot_be_brought_up_to_date_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "other.md").write_text("# Nothing of ours")
    for file, why in (
        (tmp_path / "none.md", "none.md cannot be read: No such file or directory"),
        (tmp_path, "cannot be read: Is a directory"),
        (tmp_path / "other.md", "other.md has not the line"),
    ):
        done = run("permissions", "--write", str(file))
        assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
        assert why in done.stderr
        assert "Errno" not in done.stderr
    signed = run(
        "ops", "preflight", "--release", "20260301-0123456789ab", "--signers", str(tmp_path / "none")
    )
    assert signed.stderr.endswith("none cannot be read: No such file or directory\n")


@pytest.mark.parametrize("words", [["serve"], ["worker"], ["migrate"], ["invariants", "check"]])
def test_no_database_is_one_clear_line(words: list[str], tmp_path: Path) -> None:
    result = run(*words, HOTEL_DATA_DIR=str(tmp_path / "none"), **SAFE)
    assert result.returncode == 2
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1
    assert "set DB_HOST" in lines[0]
    if words[0] not in ("serve", "worker"):
        assert f"HOTEL_DATA_DIR is {tmp_path / 'none'}" in lines[0]


def test_an_unreachable_database_is_one_clear_line() -> None:
    result = run("serve", DATABASE_URL="postgresql://nobody@127.0.0.1:1/none", **SAFE)
    assert result.returncode == 2
    assert "cannot be reached" in result.stderr
    nowhere = run("serve", DATABASE_URL="postgresql://nobody@nowhere.invalid/none", **SAFE)
    assert "failed to resolve host 'nowhere.invalid': " in nowhere.stderr
    assert "Errno" not in nowhere.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (asyncpg.CannotConnectNowError("the database system is shutting down"), "does not answer, or went"),
        (asyncpg.InternalClientError("got result for unknown protocol state 3"), "does not answer, or went"),
        (ConnectionRefusedError(111, "Connect call failed ('127.0.0.1', 5432)"), "does not answer, or went"),
        (OSError("Multiple exceptions: [Errno 111] Connect call failed"), "does not answer, or went"),
        (psycopg.OperationalError("server closed the connection"), "does not answer, or went"),
        (asyncpg.QueryCanceledError("canceling statement due to statement timeout"), "gave it up: canceling"),
        (psycopg.errors.LockNotAvailable("canceling statement due to lock timeout"), "gave it up: canceling"),
    ],
    ids=lambda given: type(given).__name__,
)
def test_a_database_that_goes_away_meanwhile_is_one_clear_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception, said: str
) -> None:
    def ended() -> None:
        raise error

    error.add_note("it is closed already")
    monkeypatch.setattr("hotel_booking.cli.app", ended)
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 2
    first, second = capsys.readouterr().err.splitlines()
    assert first == "hotel-booking: it is closed already"
    assert second.startswith("hotel-booking: the database ")
    assert said in second


def test_a_mistake_of_ours_is_none_of_the_databases(monkeypatch: pytest.MonkeyPatch) -> None:
    def ended() -> None:
        raise asyncpg.UndefinedColumnError("column x does not exist")

    monkeypatch.setattr("hotel_booking.cli.app", ended)
    with pytest.raises(asyncpg.UndefinedColumnError):
        main()


@pytest.mark.parametrize(
    ("variable", "words"),
    [
        ("HOTEL_STANDBY_URL", "ops dr promote"),
        ("HOTEL_STAGING_DATABASE_URL", "ops backup restore latest staging"),
        ("HOTEL_ACCESS_DATABASE_URL", "ops access prepare"),
    ],
)
def test_a_password_that_an_address_does_not_hold_is_not_repeated(
    tmp_path: Path, variable: str, words: str
) -> None:
    """PostgreSQL's library has it in its error, and one of them ended in a traceback with it."""
    there = {"HOTEL_OPS_DIR": str(tmp_path), "HOTEL_SPOOL_DIR": str(tmp_path)}
    store = {"HOTEL_BACKUP_ENGINE": "dump", "HOTEL_BACKUP_STORE": str(tmp_path), "HOTEL_BACKUP_KEY": "k" * 43}
    url = {"DATABASE_URL": "postgresql://ana@localhost/hotel", variable: "postgresql://ana:hush%zz@db/hotel"}
    done = run(*words.split(), **there, **store, **url)
    assert done.returncode == 2
    assert done.stderr.startswith(f"hotel-booking: {variable} cannot be read as an address"), done.stderr
    assert "hush" not in done.stderr + done.stdout


def test_a_database_may_stand_in_a_file_for_every_command(database_url: str, tmp_path: Path) -> None:
    file = tmp_path / "url"
    file.write_text(f"{database_url}\n")
    other = {"HOTEL_DATA_DIR": str(tmp_path / "none"), "HOTEL_SPOOL_DIR": str(tmp_path / "spool")}
    for words, works in (
        (["incident", "list"], "There is none."),
        (["migrate", "--check"], "nothing to do"),
        (["staff", "create-owner", "--email", "a@hotel.example", "--name", "Ana"], "/admin/invitation/"),
        (["ops", "maintenance", "on"], "Next: hotel-booking ops maintenance off"),
    ):
        done = run(*words, DATABASE_URL_FILE=str(file), HOTEL_OPS_DIR=str(tmp_path), **other)
        assert (done.returncode, done.stderr) == (0, ""), words
        assert works in done.stdout
    whole = run("backup", str(tmp_path / "one"), DATABASE_URL=database_url, **other)
    assert whole.returncode == 0, whole.stderr
    nowhere = tmp_path / "nowhere"
    nowhere.write_text("postgresql://nobody@nowhere.invalid/none")
    done = run("restore", str(tmp_path / "one"), DATABASE_URL_FILE=str(nowhere), **other)
    assert "nowhere.invalid" in done.stderr, "the file is put into no demo"


def test_a_host_in_a_file_is_enough_for_backups(tmp_path: Path) -> None:
    (tmp_path / "host").write_text("db.example")
    store = {"HOTEL_BACKUP_ENGINE": "dump", "HOTEL_BACKUP_STORE": str(tmp_path), "HOTEL_BACKUP_KEY": "k" * 43}
    names = {"DB_HOST_FILE": str(tmp_path / "host"), "DB_USER": "hotel", "DB_NAME": "hotel"}
    done = run("ops", "backup", "list", **store, **names)
    assert (done.returncode, done.stderr) == (0, "")
    assert "There is none yet" in done.stdout


def test_a_command_that_asks_no_database_takes_any_that_is_named() -> None:
    replica = {"DB_HOST": "db", "DB_USER": "hotel", "DB_NAME": "hotel", "DB_READ_HOST": "replica"}
    for environ in (replica, {"DB_HOST": "db"}, {"DATABASE_URL_FILE": "/nowhere"}):
        done = run("cache", "clear", REDIS_URL="redis://127.0.0.1:1", **environ)
        assert done.stderr.startswith("hotel-booking: Redis cannot be asked: connecting to"), done.stderr


def test_serving_an_old_schema_is_refused_with_the_command_that_helps(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0000'")
    result = run("serve", DATABASE_URL=database_url, **SAFE)
    assert result.returncode == 2
    assert "hotel-booking migrate" in result.stderr


def test_a_taken_port_and_an_unwritable_folder_are_one_clear_line(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        result = run("demo", "--port", port, "--data-dir", str(tmp_path / "a"))
    assert (result.returncode, result.stderr.count("\n")) == (2, 1)
    assert f"cannot listen on port {port}" in result.stderr
    assert not (tmp_path / "a").exists()
    (tmp_path / "file").write_text("in the way")
    result = run("demo", "--port", "0", "--data-dir", str(tmp_path / "file" / "b"))
    assert result.returncode == 2
    result = run("demo", "--port", port, "--data-dir", str(tmp_path / "file" / "b"))
    assert (result.returncode, result.stderr.count("\n")) == (2, 1), result.stderr
    assert "choose another folder" in result.stderr
    result = run("demo", "--port", port, "--host", "localhost", "--data-dir", str(tmp_path / "a"))
    assert (result.returncode, result.stderr.count("\n")) == (2, 1), result.stderr
    assert "--host localhost is not an IP address" in result.stderr


def test_the_demo_says_what_is_wrong_with_the_settings_before_it_makes_anything(tmp_path: Path) -> None:
    wrong = {"HOTEL_SMTP_URL": "nonsense", "HOTEL_WORKERS": "0"}
    result = run("demo", "--port", str(free_port()), "--data-dir", str(tmp_path), **wrong)
    assert (result.returncode, result.stderr.count("\n")) == (2, 2), result.stderr
    assert all(name in result.stderr for name in wrong)
    assert "Loading" not in result.stdout


def test_a_command_says_that_it_is_about_the_demo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On call with a lost environment, "nothing to do" would be about the wrong hotels."""
    for name in ("DATABASE_URL", "DB_HOST", "HOTEL_DATA_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(database, "default_data_dir", lambda: tmp_path)
    for made in ("exists", "running"):
        monkeypatch.setattr(Cluster, made, lambda _self: True)
    monkeypatch.setattr(Cluster, "url", lambda _self, name: f"postgresql:///{name}")
    with database.database_url(None) as url:
        assert url == "postgresql:///hotel"
    assert f"this is about the demo in {tmp_path}" in capsys.readouterr().err
    with database.database_url(tmp_path):
        assert capsys.readouterr().err == "", "it was named"


def test_a_second_web_server_at_one_port_is_refused(database_url: str) -> None:
    """The system would give each of them some of the requests, of whichever release and database it is."""
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)  # as the web server's own
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        result = run("serve", DATABASE_URL=database_url, HOTEL_PORT=port, **SAFE)
    assert (result.returncode, result.stderr.count("\n")) == (2, 1), result.stderr
    assert f"cannot listen on 127.0.0.1:{port} (HOTEL_HOST, HOTEL_PORT)" in result.stderr


def test_a_killed_web_server_leaves_nobody_at_its_port(database_url: str) -> None:
    port = free_port()
    environ = {"HOTEL_ENVIRONMENT": "test", "DATABASE_URL": database_url, "HOTEL_PORT": str(port)}
    server = subprocess.Popen([COMMAND, "serve"], env=os.environ | environ)
    try:
        wait_until(lambda: listens(port), seconds=60, child=server)
    finally:
        server.kill()
        server.wait()
    wait_until(lambda: not listens(port), seconds=30)


@pytest.mark.parametrize("words", [["--help"], ["permissions"], ["ops", "schema"]])
def test_a_full_disk_under_the_output_is_one_clear_line(words: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run([COMMAND, *words], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1), ended.stderr
    assert "not all could be written: No space left on device" in ended.stderr


def test_a_terminal_without_our_letters_is_told_the_rest(database_url: str) -> None:
    said = run("audit-log", "verify", DATABASE_URL=database_url, PYTHONIOENCODING="ascii")
    assert said.returncode == 0, said.stderr
    assert said.stdout.startswith("? 0 links are good")


def _unread(*words: str, **environ: str) -> str:
    """What the command says whose output nobody reads."""
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as gone:
        ended = subprocess.run(
            [COMMAND, *words],
            stdout=gone, stderr=subprocess.PIPE, text=True, check=False, env=os.environ | environ,
        )  # fmt: skip
    assert ended.returncode in (0, 141)  # never 1: something would have been found
    return ended.stderr


def test_who_reads_no_further_is_told_of_no_failure(database_url: str) -> None:
    assert _unread("ops", "schema") == ""
    assert _unread("ops", "maintenance", "show", DATABASE_URL=database_url) == ""
    assert _unread("audit-log", "export", DATABASE_URL=database_url) == ""


def test_who_reads_no_further_is_told_of_nothing_that_was_found() -> None:
    read = subprocess.run(
        ["bash", "-c", f"{COMMAND} openapi | head -c 1; echo ${{PIPESTATUS[0]}}"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert read.stdout == "{141\n"


def test_it_says_which_release_it_is() -> None:
    done = command("--version")
    assert (done.returncode, done.stdout.strip()) == (0, f"hotel-booking {__version__}, schema {NEWEST}")
