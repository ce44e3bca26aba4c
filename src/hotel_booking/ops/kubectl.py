"""The one way our commands run kubectl: with an end in time, JSON answers decoded, and every failure a
refusal that says what to do.

    kubectl = Kubectl("hotel-booking-production", environ=os.environ)
    service = kubectl.get("service", "hotel-booking-active", Service)

Who acts and where is kubectl's own business (KUBECONFIG, the current context, the cloud's credential
plugin), so what a person can do by hand is what our commands can do.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import IO, Any, TypeVar

import msgspec

from hotel_booking.ops.refusals import Refused

T = TypeVar("T")

# Of one request, and of a whole call with its look at what the server offers and the credential plugin.
_REQUEST_SECONDS = 10
_CALL_SECONDS = 30.0
_LOGIN = (
    "Log in, and run this again; on AWS:",
    "  aws sso login",
    "  aws eks update-kubeconfig --name hotel-booking-production",
)


class Unreachable(Refused):
    """The API server did not answer in time. Of a change nobody knows whether it was made: look again."""


class NotLoggedIn(Refused):
    """The API server does not know us, or our credentials have expired."""


class Forbidden(Refused):
    """The API server knows us, and we may not."""


class NotFound(Refused):
    """There is no such object, namespace or kind."""


class Conflict(Refused):
    """Somebody else changed or made the object meanwhile; ours was not done."""


class Rejected(Refused):
    """The API server, or a webhook of it, does not take what was sent; or kubectl failed otherwise."""


class Metadata(msgspec.Struct, rename="camel", frozen=True):
    """What every object says of itself, as far as our commands ask."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


class _Items(msgspec.Struct):
    items: list[msgspec.Raw]


class Kubectl:
    """kubectl in a namespace. Raises the refusals of this module, everywhere."""

    def __init__(
        self,
        namespace: str,
        *,
        environ: Mapping[str, str],
        program: str = "kubectl",
        seconds: float = _CALL_SECONDS,
    ) -> None:
        self.namespace = namespace
        self._environ, self._program, self._seconds = dict(environ), program, seconds

    def run(self, *arguments: str, text: str | None = None, seconds: float | None = None) -> str:
        """What kubectl answers to these words, within `seconds` (30 unless told)."""
        return self._run(arguments, text, seconds, None)

    def save(self, file: IO[bytes], *arguments: str, seconds: float | None = None) -> None:
        """Write what kubectl answers to a file, byte for byte and however much it is."""
        self._run(arguments, None, seconds, file)

    def _run(
        self, arguments: Sequence[str], text: str | None, seconds: float | None, file: IO[bytes] | None
    ) -> str:
        patience = self._seconds if seconds is None else seconds
        # What is streamed is one request, however long it takes.
        longest = patience if arguments[0] in ("logs", "exec") else _REQUEST_SECONDS
        command = [
            *(self._program, f"--namespace={self.namespace}"),
            f"--request-timeout={max(1, int(min(longest, patience)))}s",
            *arguments,
        ]
        try:
            code, said, error = _ended(command, self._environ, text, patience, file)
        except FileNotFoundError:
            raise Rejected(
                f"{self._program} is not installed",
                "Install kubectl of the cluster's version: https://kubernetes.io/docs/tasks/tools/",
            ) from None
        except subprocess.TimeoutExpired:
            raise Unreachable(
                f"the API server did not answer `{_short(arguments)}` within {patience:.0f} s", *_LOOK
            ) from None
        if code:
            raise refusal_of(_words(error or said), arguments, self.namespace)
        return said

    def get(self, kind: str, name: str, as_type: type[T], *options: str) -> T:
        """The object. Raises `NotFound` where there is none."""
        return _decoded(self.run("get", kind, name, "--output=json", *options), as_type, f"{kind}/{name}")

    def find(self, kind: str, name: str, as_type: type[T]) -> T | None:
        """The object, or None where there is none, be it that its kind is unknown here."""
        try:
            return self.get(kind, name, as_type)
        except NotFound:
            return None

    def select(self, kind: str, as_type: type[T], selector: str = "") -> list[T]:
        """All objects of a kind in the namespace, of those that have these labels (`app=x,color=y`). None
        where the kind is unknown here."""
        chosen = [f"--selector={selector}"] if selector else []
        try:
            output = self.run("get", kind, "--output=json", *chosen)
        except NotFound:
            return []
        items = _decoded(output, _Items, kind)
        return [_decoded(bytes(item), as_type, kind) for item in items.items]

    def apply(self, body: Mapping[str, Any], *, manager: str, force: bool = True) -> None:
        """Have the object be so (server-side; made where it is not there). What others own in it stays,
        unless it is `force`d to be ours. Raises `Conflict` where it is theirs and not forced."""
        text = msgspec.json.encode(body).decode()
        forced = ["--force-conflicts"] if force else []
        self.run("apply", "--server-side", f"--field-manager={manager}", *forced, "--filename=-", text=text)

    def create(self, body: Mapping[str, Any]) -> None:
        """Make the object. Raises `Conflict` where it is there."""
        self.run("create", "--filename=-", text=msgspec.json.encode(body).decode())

    def patch(
        self, kind: str, name: str, change: Mapping[str, Any], *, version: str = "", subresource: str = ""
    ) -> Metadata:
        """Change fields (a merge patch; null removes one), and what the object's metadata are then. With
        `version`, only where its resourceVersion is still that; raises `Conflict` where it is not."""
        if version:
            meta = {**change.get("metadata", {}), "resourceVersion": version}
            change = {**change, "metadata": meta}
        of = [f"--subresource={subresource}"] if subresource else []
        body = msgspec.json.encode(change).decode()
        said = self.run("patch", kind, name, "--type=merge", f"--patch={body}", "--output=json", *of)
        return _decoded(said, _Named, f"{kind}/{name}").metadata

    def delete(self, kind: str, name: str, *, wait: bool = False, seconds: float = _CALL_SECONDS) -> None:
        """Have the object gone; it may be gone already. With `wait`, until it is."""
        options = ["--ignore-not-found", f"--wait={str(wait).lower()}"]
        if wait:
            options.append(f"--timeout={max(1, int(seconds) - 2)}s")
        self.run("delete", kind, name, *options, seconds=seconds)


class _Named(msgspec.Struct):
    metadata: Metadata


_LOOK = (
    "What runs goes on running. Is the network (VPN) there, and which cluster is meant?",
    "  kubectl config current-context",
    "  kubectl cluster-info",
    "Then run this again: it begins with what is there.",
)


def refusal_of(said: str, arguments: Sequence[str], namespace: str) -> Refused:
    """The refusal that kubectl's last words mean."""
    act = _short(arguments)
    tail = said.rsplit("\n\n", 1)[0].strip() or "kubectl said nothing"
    if any(word in said for word in _STRANGER):
        return NotLoggedIn(f"the cluster does not know you any more: {_line(tail)}", *_LOGIN)
    if any(word in said for word in _AWAY):
        return Unreachable(f"the API server cannot be reached: {_line(tail)}", *_LOOK)
    if "(Forbidden)" in said or "is forbidden:" in said:
        verb, kind = (arguments[0], arguments[1]) if len(arguments) > 1 else ("get", "pods")
        return Forbidden(
            f"you may not do that: {_line(tail)}",
            "Ask for the role that may (docs/compliance/SECURITY.md), and see what you may do:",
            f"  kubectl auth can-i {verb} {kind.partition('/')[0]} -n {namespace}",
        )
    if "(NotFound)" in said or "the server doesn't have a resource type" in said or "no matches for" in said:
        return NotFound(f"there is no such thing: {_line(tail)}", "Is it the right cluster and namespace?")
    if any(word in said for word in ("(Conflict)", "(AlreadyExists)", "Apply failed with")):
        return Conflict(
            f"somebody else was there first: {_line(tail)}", "Look at what they did, and run this again."
        )
    return Rejected(f"`{act}` failed: {tail[:1500]}")


# How kubectl says that the API server does not know us, or that the plugin gives it nothing to show.
_STRANGER = ("You must be logged in", "provide credentials", "getting credentials", "(Unauthorized)")
# How kubectl says that nobody answered, or that etcd below did not.
_AWAY = (
    "did you specify the right host or port?",
    "Unable to connect to the server",
    "context deadline exceeded",
    "Client.Timeout",
    "i/o timeout",
    "TLS handshake timeout",
    "connection refused",
    "connection reset by peer",
    "unexpected EOF",
    "http2: client connection lost",
    "etcdserver:",
    "(ServiceUnavailable)",
    "(Timeout)",
    "(ServerTimeout)",
    "the server is currently unable to handle the request",
)


def _ended(
    command: Sequence[str],
    environ: Mapping[str, str],
    text: str | None,
    seconds: float,
    file: IO[bytes] | None,
) -> tuple[int, str, str]:
    """Its exit code and what it said, if not to a `file`; raises `TimeoutExpired`. In a process group of its
    own: Ctrl-C is for us, who then end it, with whatever credential plugin it has started."""
    with subprocess.Popen(  # noqa: S603  # its caller chose it
        command,
        env=dict(environ),
        stdin=subprocess.DEVNULL if text is None else subprocess.PIPE,
        stdout=subprocess.PIPE if file is None else file,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as process:
        try:
            said, error = process.communicate(text, timeout=seconds)
        except BaseException:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            raise
    return process.returncode, said or "", error


def _words(error: str) -> str:
    """What it said, without klog's lines before it and warnings."""
    kept, inside = [], False
    for line in error.splitlines():
        if line[:1] in "EWIF" and line[1:5].isdigit():
            inside = line.endswith("=<")
        elif inside:
            inside = line.strip() != ">"
        elif not line.startswith("Warning:"):
            kept.append(line)
    return "\n".join(kept).strip() or error.strip()


def _decoded(said: str | bytes, as_type: type[T], what: str) -> T:
    try:
        return msgspec.json.decode(said, type=as_type)
    except msgspec.DecodeError as error:
        raise Rejected(f"what the API server says of {what} cannot be read: {error}") from None


def _line(said: str) -> str:
    return said.splitlines()[0][:500]


def _short(arguments: Sequence[str]) -> str:
    return " ".join(["kubectl", *arguments[:3]])[:200]
