"""One machine's servers, started with the very files of deployment/compose: a guest books through the proxy
and PgBouncer, and what should not get past the proxy does not."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import ssl
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from hotel_booking.bench.catalogue import catalogue_of, fill, slug
from hotel_booking.core.clock import utc_now
from tests.deployment import debian
from tests.deployment.compose import CLIENT, DOMAIN, INSIDE, Stack, prepared

pytestmark = pytest.mark.deploy
PORT = 443
LIES = {  # of who asks
    "X-Forwarded-For": "203.0.113.7",
    "Forwarded": "for=203.0.113.7",
    "X-Real-IP": "203.0.113.7",
    "X-Forwarded-Host": "evil.example",
}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """All of it runs, with a small catalogue to sell."""
    debian.need("ip", "nginx", "pgbouncer", "redis-server", "openssl", str(debian.POSTGRES / "postgres"))
    place = tmp_path_factory.mktemp("compose")
    for folder in (place, *place.parents):  # users of the servers must get there
        if folder.is_relative_to("/tmp") and folder != Path("/tmp"):
            folder.chmod(0o755)
    found = Stack(prepared(place), place)
    with found.all():
        with found.inside():
            # With triggers at rest, which only PostgreSQL's own administrator may do.
            admin = f"postgresql://postgres:{found.secret('postgres_password')}@{INSIDE}:5432/hotel_booking"
            fill(admin, catalogue_of(30, utc_now().date()), nights=90)
        yield found


def url(stack: Stack, *, port: int = 5432) -> str:
    """The database, as the platform's own role, or by way of PgBouncer."""
    return f"postgresql://hotel_booking:{stack.secret('db_password')}@{INSIDE}:{port}/hotel_booking"


def trusting(stack: Stack) -> ssl.SSLContext:
    """Trusts the certificate that `prepare` made, and no other."""
    return ssl.create_default_context(cafile=str(stack.folder / "secrets/tls/certificate.pem"))


def connected(stack: Stack, host: str = DOMAIN, context: ssl.SSLContext | None = None) -> ssl.SSLSocket:
    """A TLS connection to the proxy, as a guest opens it."""
    raw = socket.create_connection((CLIENT, PORT), timeout=30)
    return (context or trusting(stack)).wrap_socket(raw, server_hostname=host)


def asked(stack: Stack, path: str, host: str = DOMAIN, **headers: str) -> tuple[int, dict[str, str], bytes]:
    """One GET by a host's name: status, headers, body."""
    lines = [f"GET {path} HTTP/1.1", f"Host: {host}", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return answer(stack, "\r\n".join(lines).encode() + b"\r\n\r\n", host)


def answer(stack: Stack, request: bytes, host: str = DOMAIN) -> tuple[int, dict[str, str], bytes]:
    """What is answered to these bytes; (0, {}, b"") where the connection is closed on them."""
    with connected(stack, host) as tls:
        tls.sendall(request)
        said = b""
        try:
            while piece := tls.recv(65_536):
                said += piece
        except (ConnectionError, ssl.SSLError):
            pass
    if not said:
        return 0, {}, b""
    head, _, body = said.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    found = dict(line.lower().split(": ", 1) for line in lines)
    assert len(found) == len(lines), f"a header twice: {lines}"
    return int(first.split()[1]), found, body


def logged(stack: Stack) -> list[dict[str, Any]]:
    """What the platform says of the requests that reached it."""
    lines = [line for line in stack.log("web").read_text().splitlines() if line.startswith("{")]
    return [line for line in map(json.loads, lines) if "path" in line]


def test_a_guest_books_through_proxy_and_pooler_and_cannot_lie_about_who_they_are(stack: Stack) -> None:
    arrival = (utc_now() + timedelta(days=20)).date()
    stay = {"arrival": str(arrival), "departure": str(arrival + timedelta(days=2))}
    guest = {"given_name": "Ana", "family_name": "Silva", "email": "ana@example.com", "phone": "+34600000000"}
    room = {"room_type": "T4", "rate_plan": "FLEX", "adults": 2, "children": []}
    names = {"Host": f"api.{DOMAIN}", **LIES}
    with (
        stack.inside("proxy"),
        httpx.Client(
            base_url=f"https://{CLIENT}:{PORT}",
            verify=trusting(stack),
            trust_env=False,
            headers=names,
            timeout=20,
        ) as client,
    ):
        named = {"sni_hostname": f"api.{DOMAIN}"}

        def send(path: str, body: Any, **headers: str) -> Any:
            made = client.post(f"/api/v1{path}", json=body, headers=headers, extensions=named)
            assert made.is_success, made.text
            return made.json()

        quote = send("/quotes", {"property": slug(7), **stay, "rooms": [room]})
        held = send("/bookings", {"quote": quote["id"], "guest": guest})
        token = f"Bearer {held['access_token']}"
        send(f"/bookings/{held['reference']}/payments", {"method": "pay_at_property"}, Authorization=token)
    with stack.inside(), psycopg.connect(url(stack)) as direct:
        assert direct.execute("SELECT status FROM booking").fetchall() == [("confirmed",)]
        addresses = direct.execute("SELECT DISTINCT address FROM audit_entry WHERE booking_id IS NOT NULL")
        assert addresses.fetchall() == [(CLIENT,)]
        # The sessions that requests went through are PgBouncer's.
        ports = direct.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = 'hotel_booking'"
            " AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
        ).fetchone()
        assert ports is not None
        assert ports[0] >= 1
        with psycopg.connect(url(stack, port=6432), prepare_threshold=None) as pooled:
            assert pooled.execute("SELECT current_user").fetchone() == ("hotel_booking",)
    assert "PgBouncer" in stack.log("pgbouncer").read_text()


def test_the_probe_for_the_status_page_finds_the_platform_by_its_name(stack: Stack) -> None:
    """From inside, by the proxy; here it trusts the certificate that `prepare` made."""
    trusted = {stack.folder / "secrets/tls/certificate.pem": "/etc/trusted.pem"}
    command = ["env", "SSL_CERT_FILE=/etc/trusted.pem", *stack.platform("status", "probe", "--once")]
    said = stack.run("probe", command, more=trusted)
    assert re.search(r"^site +up ", said, re.MULTILINE), said


def test_the_platforms_role_is_no_master_and_monitoring_reads_no_rows(stack: Stack) -> None:
    with stack.inside(), psycopg.connect(url(stack)) as own:
        assert own.execute(
            "SELECT rolsuper, rolcreaterole, rolcreatedb, rolreplication FROM pg_roles"
            " WHERE rolname = current_user"
        ).fetchone() == (False, False, False, False)
    watching = f"postgresql://monitoring:{stack.secret('monitoring_password')}@{INSIDE}:5432/hotel_booking"
    with stack.inside(), psycopg.connect(watching) as monitoring:
        assert monitoring.execute("SELECT count(*) FROM pg_stat_activity").fetchone() is not None
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            monitoring.execute("SELECT * FROM booking")
    with stack.inside(), pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(f"postgresql://hotel_booking:wrong@{INSIDE}:5432/hotel_booking")


def test_redis_wants_its_password_and_keeps_nothing(stack: Stack) -> None:
    def said(line: bytes, *, password: str = "") -> bytes:
        with stack.inside(), socket.create_connection((INSIDE, 6379), timeout=10) as redis:
            if password:
                redis.sendall(f"AUTH {password}\r\n".encode())
                assert redis.recv(100).startswith(b"+OK")
            redis.sendall(line + b"\r\n")
            return redis.recv(1000)

    assert b"NOAUTH" in said(b"INFO memory")
    password = stack.secret("redis_password")
    assert b"allkeys-lru" in said(b"CONFIG GET maxmemory-policy", password=password)
    assert said(b"CONFIG GET save", password=password) == b"*2\r\n$4\r\nsave\r\n$0\r\n\r\n"
    assert b"connected_clients" in said(b"INFO clients", password=password)


@pytest.mark.nightly
def test_slow_headers_and_slow_bodies_never_reach_the_platform(stack: Stack) -> None:
    """Fifty clients that drip headers and fifty that drip a body: none has a connection to the platform while
    another guest is answered at once, and those of headers are closed."""
    begun = b"POST /api/v1/quotes HTTP/1.1\r\nHost: " + DOMAIN.encode() + b"\r\n"
    body = b"Content-Type: application/json\r\nContent-Length: 900\r\n\r\n{"
    with stack.inside("proxy"):
        headers = [connected(stack) for _ in range(45)]
        bodies = [connected(stack) for _ in range(45)]
        for tls in headers:
            tls.sendall(begun)
        for tls in bodies:
            tls.sendall(begun + body)
        for _ in range(6):
            time.sleep(2)
            for tls in headers:
                drip(tls, b"X-Slow: 1\r\n")
            for tls in bodies:
                drip(tls, b" ")
            assert stack.connections_to_web() == 0
            assert asked(stack, "/health/live")[0] == 200
        # Ten seconds for all headers, however they drip.
        assert all(closed(tls) for tls in headers)
        assert not any(closed(tls) for tls in bodies)
        # Who sends nothing for ten seconds is closed too.
        ends = time.monotonic() + 30
        while not all(closed(tls) for tls in bodies) and time.monotonic() < ends:
            time.sleep(0.5)
        assert all(closed(tls) for tls in bodies)
        for tls in (*headers, *bodies):
            tls.close()
    assert not [
        line for line in logged(stack) if line["path"] == "/api/v1/quotes" and line.get("status") == 408
    ]


def drip(tls: ssl.SSLSocket, piece: bytes) -> None:
    """Send a little more, if the connection still stands."""
    with contextlib.suppress(OSError):
        tls.sendall(piece)


def closed(tls: ssl.SSLSocket) -> bool:
    """Whether the other side has ended the connection."""
    tls.settimeout(0.05)
    try:
        return tls.recv(4096) == b""
    except TimeoutError:
        return False
    except OSError:
        return True


def smuggled(name: str) -> dict[str, bytes]:
    """Requests that two servers could read differently, each with another one hidden behind it."""
    hidden = f"GET /smuggled-{name} HTTP/1.1\r\nHost: {DOMAIN}\r\n\r\n".encode()
    start = f"POST /api/v1/quotes HTTP/1.1\r\nHost: {DOMAIN}\r\n".encode()
    chunked = b"0\r\n\r\n" + hidden
    sized = f"Content-Length: {len(chunked)}\r\n".encode()
    return {
        "CL.TE": start + sized + b"Transfer-Encoding: chunked\r\n\r\n" + chunked,
        "TE.CL": start + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n"
        + f"{len(hidden):x}\r\n".encode() + hidden + b"\r\n0\r\n\r\n",
        "two lengths": start + b"Content-Length: 0\r\n" + sized + b"\r\n" + chunked,
        "TE, spaced": start + sized + b"Transfer-Encoding : chunked\r\n\r\n" + chunked,
        "TE, tab": start + sized + b"Transfer-Encoding:\tchunked\r\n\r\n" + chunked,
        "TE, other": start + sized + b"Transfer-Encoding: xchunked\r\n\r\n" + chunked,
        "TE, twice": start + sized + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n" + chunked,
        "folded": start + sized + b"X: 1\r\n Transfer-Encoding: chunked\r\n\r\n" + chunked,
        "bare CR": start + sized + b"X: 1\rTransfer-Encoding: chunked\r\n\r\n" + chunked,
        "in HTTP/1.0": start.replace(b"1.1", b"1.0") + b"Transfer-Encoding: chunked\r\n\r\n" + chunked,
        "sign in the length": start + sized.replace(b": ", b": +") + b"\r\n" + chunked,
        "chunk's length": start + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n" + hidden,
    }  # fmt: skip


@pytest.mark.parametrize("name", list(smuggled("")))
def test_a_smuggled_request_does_not_get_past(stack: Stack, name: str) -> None:
    """It is refused as ambiguous, or is part of a body: the platform never sees a request that was hidden."""
    marker = "".join(letter for letter in name.lower() if letter.isalpha())
    request = smuggled(marker)[name]
    before = len(logged(stack))
    with stack.inside("proxy"):
        status, _, said = answer(stack, request)
        # The next guest, on a connection of theirs, is told what they asked for.
        for _ in range(5):
            mine, _, body = asked(stack, "/health/live")
            assert (mine, json.loads(body)["status"]) == (200, "ok")
    reached = [line for line in logged(stack)[before:] if "smuggled" in line["path"]]
    assert reached == [], (status, said)


def test_a_length_of_chunks_is_counted_anew(stack: Stack) -> None:
    """A plain chunked body arrives whole, with a Content-Length: the platform sees no client's chunks."""
    body = b'{"property": "nowhere"}'
    pieces = b"".join(b"1\r\n" + bytes([byte]) + b"\r\n" for byte in body) + b"0\r\n\r\n"
    head = f"POST /api/v1/quotes HTTP/1.1\r\nHost: {DOMAIN}\r\nContent-Type: application/json\r\n".encode()
    with stack.inside("proxy"):
        status, _, said = answer(
            stack, head + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n" + pieces
        )
    assert status in (400, 422), said
    assert b"problem" in said or b"code" in said


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_only_tls_12_and_13_are_spoken_and_only_for_our_names(stack: Stack) -> None:
    with stack.inside("proxy"):
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = trusting(stack)
            context.minimum_version = context.maximum_version = version
            with connected(stack, context=context) as tls:
                assert tls.version() == version.name.replace("_", ".")
        old = trusting(stack)
        old.minimum_version = ssl.TLSVersion.TLSv1
        old.maximum_version = ssl.TLSVersion.TLSv1_1
        old.set_ciphers("ALL:@SECLEVEL=0")
        with pytest.raises(ssl.SSLError):
            connected(stack, context=old)
        weak = trusting(stack)
        weak.maximum_version = ssl.TLSVersion.TLSv1_2
        weak.set_ciphers("AES128-SHA:AES256-SHA:ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0")
        with pytest.raises(ssl.SSLError):
            connected(stack, context=weak)
        with pytest.raises(ssl.SSLError):
            connected(stack, host="somebody-else.example")
        # A handshake for one of ours leads to no other name.
        assert asked(stack, "/", f"{DOMAIN}")[0] != 421
        assert answer(stack, b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n")[0] == 421
        http2 = trusting(stack)
        http2.set_alpn_protocols(["h2", "http/1.1"])
        with connected(stack, context=http2) as tls:
            assert tls.selected_alpn_protocol() == "h2"


def test_each_host_leads_where_it_should(stack: Stack) -> None:
    with stack.inside("proxy"):
        assert asked(stack, "/en/")[0] == 200
        assert asked(stack, "/api/v1/openapi.json", f"api.{DOMAIN}")[0] == 200
        assert asked(stack, "/", f"api.{DOMAIN}")[1]["location"].endswith("/api/docs")
        assert asked(stack, "/en/", f"api.{DOMAIN}")[0] == 404
        admin = asked(stack, "/admin/runbook?x=1", f"admin.{DOMAIN}")
        assert (admin[0], admin[1]["location"]) == (302, f"https://{DOMAIN}/admin/runbook?x=1")
        assert b"<html" in asked(stack, "/", f"status.{DOMAIN}")[2]
        # No Grafana runs here: the proxy says so itself, and knows where it would be.
        assert asked(stack, "/", f"monitoring.{DOMAIN}")[0] == 502
        with socket.create_connection((CLIENT, 80), timeout=10) as clear:
            clear.sendall(f"GET /en/?a=b HTTP/1.1\r\nHost: {DOMAIN}\r\nConnection: close\r\n\r\n".encode())
            said = clear.recv(4096).decode()
        assert said.startswith("HTTP/1.1 308 ")
        assert f"Location: https://{DOMAIN}/en/?a=b\r\n" in said


def test_every_answer_has_the_headers_that_protect_it_and_has_them_once(stack: Stack) -> None:
    with stack.inside("proxy"):
        for path, host in (("/en/", DOMAIN), ("/nothing", f"api.{DOMAIN}"), ("/", f"monitoring.{DOMAIN}")):
            _, headers, _ = asked(stack, path, host)
            assert headers["strict-transport-security"] == "max-age=63072000; includesubdomains"
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["x-frame-options"] == "deny"
            assert "referrer-policy" in headers
            assert headers.get("server", "nginx") == "nginx"


def test_too_many_connections_of_one_address_are_refused(stack: Stack) -> None:
    """The address alone: another one is answered."""
    begun = f"POST /api/v1/quotes HTTP/1.1\r\nHost: {DOMAIN}\r\nContent-Length: 9\r\n\r\n1".encode()

    def is_refused() -> bool:
        """Whether the next one is; on a busy machine the first of so many have run out of time by then."""
        with contextlib.ExitStack() as many:
            for _ in range(101):
                many.enter_context(connected(stack)).sendall(begun)
            if asked(stack, "/health/live")[0] != 429:
                return False
            raw = socket.create_connection(("127.0.0.1", PORT), timeout=10)
            with trusting(stack).wrap_socket(raw, server_hostname=DOMAIN) as other:
                other.sendall(
                    f"GET /health/live HTTP/1.1\r\nHost: {DOMAIN}\r\nConnection: close\r\n\r\n".encode()
                )
                assert b" 200 " in other.recv(100)
        return True

    with stack.inside("proxy"):
        debian.until(is_refused, "the next one is refused")


def test_a_body_too_large_is_refused_before_it_is_sent(stack: Stack) -> None:
    head = f"POST /api/v1/quotes HTTP/1.1\r\nHost: {DOMAIN}\r\nContent-Length: 5000000\r\n\r\n".encode()
    with stack.inside("proxy"):
        assert answer(stack, head)[0] == 413


@pytest.mark.nightly
def test_a_backup_is_made_and_restored(stack: Stack) -> None:
    """By the commands of the service `backup` and of the guide, as the platform's role."""
    kept = stack.place / "backups"
    kept.mkdir()
    mounted = {kept: "/var/lib/hotel-booking/backups"}
    environ = ["env", f"PATH={debian.POSTGRES}:{debian.PATH}"]
    for of in ("database", "state", "configuration"):
        stack.run("backup", [*environ, *stack.platform("ops", "backup", "backup", "--of", of)], more=mounted)
    assert sorted(path.parent.name for path in kept.rglob("*.backup")) == [
        "configuration",
        "database",
        "state",
    ]
    said = stack.run("backup", [*environ, *stack.platform("ops", "backup", "verify")], more=mounted)
    assert "every backup is whole" in said
    # Into a database that is its own, as the guide says.
    admin = f"postgresql://postgres:{stack.secret('postgres_password')}@{INSIDE}:5432/postgres"
    with stack.inside(), psycopg.connect(admin, autocommit=True) as database:
        database.execute("ALTER ROLE hotel_booking CREATEDB")
        database.execute("GRANT CONNECT ON DATABASE postgres TO hotel_booking")
        database.execute("CREATE DATABASE restored OWNER hotel_booking")
    target = url(stack).removesuffix("hotel_booking") + "restored"
    (dump,) = (kept / "database").glob("*.backup")
    inside = f"/var/lib/hotel-booking/backups/database/{dump.name}"
    stack.run(
        "backup", [*environ, f"DATABASE_URL={target}", *stack.platform("restore", inside)], more=mounted
    )
    counts = []
    for address in (url(stack), target):
        with stack.inside(), psycopg.connect(address) as database:
            counts.append(database.execute("SELECT count(*), sum(taken) FROM room_night").fetchone())
    assert counts[0] == counts[1]


def test_prometheus_takes_its_files_as_they_are_mounted_and_finds_the_platform(stack: Stack) -> None:
    with watching(stack, "prometheus", "prometheus", 9090):
        wanted = {"web", "worker", "node", "postgres", "redis", "health", "certificates"}
        debian.until(lambda: targeted() == wanted, "Prometheus has read its targets")
        rules = httpx.get(f"http://{INSIDE}:9090/api/v1/rules", trust_env=False).json()
        assert len(rules["data"]["groups"]) > 5
        debian.until(scraped, "Prometheus has the web processes' metrics")


def test_alertmanager_takes_its_files_as_they_are_mounted(stack: Stack) -> None:
    with watching(stack, "alertmanager", "prometheus-alertmanager", 9093):
        told = httpx.get(f"http://{INSIDE}:9093/api/v2/status", trust_env=False).json()
        assert "webhooks/alertmanager" in told["config"]["original"]


@contextlib.contextmanager
def watching(stack: Stack, service: str, program: str, port: int) -> Iterator[None]:
    """Prometheus or Alertmanager, started as the service is; this thread is in its network."""
    debian.need(program)
    data = stack.place / f"{service}-data"
    data.mkdir()
    command = [debian.program(program), *stack.compose["services"][service]["command"]]
    started = stack.running(service, command, ready=lambda: stack.listens(port), more={data: f"/{service}"})
    with started, stack.inside():
        debian.until(lambda: ready(port), f"{service} is ready")
        yield


def ready(port: int) -> bool:
    """Whether it says that it is."""
    try:
        return httpx.get(f"http://{INSIDE}:{port}/-/ready", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def targeted() -> set[str]:
    """The jobs that Prometheus has targets of."""
    told = httpx.get(f"http://{INSIDE}:9090/api/v1/targets?state=active", trust_env=False).json()
    return {target["labels"]["job"] for target in told["data"]["activeTargets"]}


def scraped() -> bool:
    """Whether Prometheus reached the platform by the name in its targets."""
    asks = f"http://{INSIDE}:9090/api/v1/query"
    told = httpx.get(asks, params={"query": 'up{job="web"}'}, trust_env=False).json()["data"]["result"]
    return bool(told) and told[0]["value"][1] == "1"
