"""ops.kubectl: answers decoded, an end in time, and every failure a refusal that says what to do.

What kubectl says was recorded from kubectl 1.34; tests/cluster hears it from the real one.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import msgspec
import pytest

from hotel_booking.ops import kubectl
from hotel_booking.ops.kubectl import Kubectl, Metadata
from hotel_booking.ops.refusals import Refused

_NOISE = (
    'E1127 23:10:47.612473   11455 memcache.go:265] "Unhandled Error" err="couldn\'t get current server API '
    'group list: Get \\"https://127.0.0.1:1/api?timeout=32s\\": dial tcp 127.0.0.1:1: connect: refused"\n'
)
_PLUGIN = (
    'E1127 23:10:47.907527   11500 memcache.go:265] "Unhandled Error" err=<\n'
    "\tcouldn't get current server API group list: getting credentials: exec: executable aws not found\n"
    "\t\n\tIt looks like you are trying to use a client-go credential plugin that is not installed.\n >\n"
    "Unable to connect to the server: getting credentials: exec: executable aws not found\n\n"
    "It looks like you are trying to use a client-go credential plugin that is not installed.\n"
)
_SAID = {
    "refused": (
        _NOISE
        + "The connection to the server 127.0.0.1:1 was refused - did you specify the right host or port?",
        kubectl.Unreachable,
        "kubectl cluster-info",
    ),
    "no such host": (
        _NOISE + "Unable to connect to the server: dial tcp: lookup nowhere.invalid: no such host",
        kubectl.Unreachable,
        "VPN",
    ),
    "no time": (
        'Get "https://10.0.0.1/api/v1/x?timeout=1s": net/http: request canceled (Client.Timeout exceeded)',
        kubectl.Unreachable,
        "run this again",
    ),
    "etcd": ("Error from server: etcdserver: request timed out", kubectl.Unreachable, "run this again"),
    "no plugin": (_PLUGIN, kubectl.NotLoggedIn, "aws sso login"),
    "plugin fails": (
        "Unable to connect to the server: getting credentials: exec: executable aws failed with exit code 1",
        kubectl.NotLoggedIn,
        "aws sso login",
    ),
    "expired": (
        "error: You must be logged in to the server (Unauthorized)",
        kubectl.NotLoggedIn,
        "aws sso login",
    ),
    "expired, in an apply": (
        (
            "error: error validating data: failed to download openapi: the server has asked for the client "
            "to provide credentials; if you choose to ignore these errors, turn validation off"
        ),
        kubectl.NotLoggedIn,
        "aws sso login",
    ),
    "forbidden": (
        'Error from server (Forbidden): services "x" is forbidden: User "ana" cannot patch resource',
        kubectl.Forbidden,
        "kubectl auth can-i patch service -n n",
    ),
    "not found": (
        'Error from server (NotFound): services "x" not found',
        kubectl.NotFound,
        "right cluster and namespace",
    ),
    "no kind": (
        'error: the server doesn\'t have a resource type "canaries"',
        kubectl.NotFound,
        "right cluster",
    ),
    "conflict": (
        'Error from server (Conflict): Operation cannot be fulfilled on services "x": please apply again',
        kubectl.Conflict,
        "run this again",
    ),
    "exists": ('Error from server (AlreadyExists): leases "x" already exists', kubectl.Conflict, "again"),
    "invalid": ('The Service "x" is invalid: spec.ports: Required value', kubectl.Rejected, ""),
}


def stand_in(folder: Path, script: str) -> str:
    """A program that answers as kubectl did when it was recorded."""
    program = folder / "kubectl"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return str(program)


@pytest.mark.parametrize("case", _SAID)
def test_what_kubectl_says_is_a_refusal_with_what_to_do(tmp_path: Path, case: str) -> None:
    said, kind, helps = _SAID[case]
    (tmp_path / "said").write_text(said + "\n")
    program = stand_in(tmp_path, f"cat {tmp_path / 'said'} >&2; exit 1")
    with pytest.raises(Refused) as refusal:
        Kubectl("n", environ=os.environ, program=program).run("patch", "service", "x")
    assert type(refusal.value) is kind
    assert helps in "\n".join(refusal.value.lines)
    assert "memcache" not in refusal.value.detail
    assert len(refusal.value.detail.splitlines()) == 1


def test_what_does_not_end_is_ended_with_whatever_it_started(tmp_path: Path) -> None:
    program = stand_in(tmp_path, f"sleep 300 & echo $! > {tmp_path / 'child'}; wait")
    with pytest.raises(kubectl.Unreachable, match="within 1 s"):
        Kubectl("n", environ=os.environ, program=program, seconds=1).run("get", "pods")
    child = Path(f"/proc/{(tmp_path / 'child').read_text().strip()}/cmdline")
    until = time.monotonic() + 10
    while child.exists() and child.read_bytes() and time.monotonic() < until:
        time.sleep(0.05)
    assert not (child.exists() and child.read_bytes())


def test_an_object_is_decoded_and_one_that_is_not_there_is_none(tmp_path: Path) -> None:
    class Service(msgspec.Struct):
        metadata: Metadata

    body = '{"kind":"Service","metadata":{"name":"x","resourceVersion":"12","annotations":{"a":"b"}}}'
    found = Kubectl("n", environ=os.environ, program=stand_in(tmp_path, f"echo '{body}'"))
    assert found.get("service", "x", Service).metadata.name == "x"
    missing = stand_in(tmp_path, "echo 'Error from server (NotFound): services \"x\" not found' >&2; exit 1")
    assert Kubectl("n", environ=os.environ, program=missing).find("service", "x", Service) is None
    garbled = Kubectl("n", environ=os.environ, program=stand_in(tmp_path, "echo '{'"))
    with pytest.raises(kubectl.Rejected, match="cannot be read"):
        garbled.get("service", "x", Service)


def test_every_call_names_its_namespace_and_an_end_of_the_request(tmp_path: Path) -> None:
    program = stand_in(tmp_path, f'printf "%s\\n" "$@" > {tmp_path / "asked"}')
    Kubectl("hotel-booking-staging", environ=os.environ, program=program).delete("job", "x")
    assert (tmp_path / "asked").read_text().split("\n")[:4] == [
        "--namespace=hotel-booking-staging",
        "--request-timeout=10s",
        "delete",
        "job",
    ]


def test_without_kubectl_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(kubectl.Rejected, match="not installed"):
        Kubectl("n", environ=os.environ, program=str(tmp_path / "none")).run("get", "pods")
