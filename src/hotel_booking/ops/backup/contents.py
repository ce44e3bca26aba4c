"""What the application's state and its configuration are made of: files by name, gathered from the database,
the cluster, folders and the bucket of photos. Neither is the database's backup, which has every row."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import obstore
import psycopg
from obstore.exceptions import BaseError, NotFoundError
from psycopg import sql

from hotel_booking.core.environment import read_settings
from hotel_booking.ops import monitoring, operation
from hotel_booking.ops.backup.store import Store
from hotel_booking.ops.kubernetes import Api, ApiError
from hotel_booking.ops.refusals import Refused, WrongUse, plainly

Files = Iterator[tuple[str, bytes]]

# What hotels and their group have set; not what is booked, sold each night or signed in. Without what changes
# by itself: when a key was last used is no setting.
SETTINGS = {
    "property": "",
    "property_photo": "",
    "room_type": "",
    "room": "",
    "rate_plan": "",
    "cancellation_policy": "",
    "tax": "",
    "translation": "",
    "staff_grant": "",
    "api_key": "last_used_at",
    "maintenance_window": "",
}
_CORE, _ISTIO, _MESH = "/api/v1", "/apis/networking.istio.io/v1", "/apis/security.istio.io/v1"
_KINDS = (
    *(f"{_CORE}/{kind}" for kind in ("configmaps", "services", "serviceaccounts", "persistentvolumeclaims")),
    "/apis/apps/v1/deployments",
    "/apis/batch/v1/cronjobs",
    "/apis/autoscaling/v2/horizontalpodautoscalers",
    "/apis/policy/v1/poddisruptionbudgets",
    "/apis/networking.k8s.io/v1/networkpolicies",
    *(f"/apis/rbac.authorization.k8s.io/v1/{kind}" for kind in ("roles", "rolebindings")),
    *(f"{_ISTIO}/{kind}" for kind in ("gateways", "virtualservices", "destinationrules")),
    *(f"{_MESH}/{kind}" for kind in ("authorizationpolicies", "peerauthentications")),
    "/apis/flagger.app/v1beta1/canaries",
    *(f"/apis/monitoring.coreos.com/v1/{kind}" for kind in ("servicemonitors", "prometheusrules")),
    "/apis/external-secrets.io/v1/externalsecrets",
)
# What the cluster writes on an object by itself.
_OF_THE_CLUSTER = ("managedFields", "resourceVersion", "generation", "uid", "creationTimestamp", "selfLink")
_NOT_THERE = (403, 404)  # a kind that this cluster does not have, or this account does not see
_SECRET = re.compile(r"KEY|SECRET|PASSWORD|TOKEN|_URL|WEBHOOK")
_NO_FILES = ("locks", "__pycache__")
_FILE_MOST = 8 << 20


def configuration(url: str, environ: Mapping[str, str], key: str) -> Files:
    """Settings tables, settings of the processes, versions of secrets, manifests and alert rules: files by
    name, in one order. A secret stands there as a mark of it that the key makes: which version it was can be
    told, and nothing else."""
    yield from settings_tables(url)
    yield "environment.json", _json(_environment(environ, key))
    folders = environ.get("HOTEL_CONFIGURATION_FOLDERS", "")
    for folder in [monitoring.files(), *(Path(path) for path in folders.split(os.pathsep) if path)]:
        yield from _folder(folder, f"files/{folder.name}", key)
    yield from _cluster(environ)


def state(environ: Mapping[str, str], key: str) -> Files:
    """Uploaded photos, what operations have written (evidence, reports, approvals), the release's templates,
    and the cluster's objects."""
    settings = read_settings({"HOTEL_ENVIRONMENT": "demo", **environ})
    if settings.media_url:
        yield from _photos_of_bucket(settings)
    else:
        yield from _folder(Path(settings.media_dir), "uploads", key, missing_ok=True)
    yield from _folder(operation.home(environ), "documents", key, missing_ok=True)
    package = Path(monitoring.__file__).resolve().parents[1]
    for folder in sorted(package.rglob("templates")):
        if folder.is_dir():
            yield from _folder(folder, f"templates/{folder.parent.relative_to(package).as_posix()}", key)
    yield from _cluster(environ)


def fingerprint(files: Callable[[], Files]) -> str:
    """What two gatherings have in common where nothing has changed between them."""
    digest = hashlib.sha256()
    for name, content in files():
        digest.update(hashlib.sha256(name.encode()).digest() + hashlib.sha256(content).digest())
    return digest.hexdigest()


def settings_tables(url: str) -> Files:
    """Each table as lines of JSON, ordered, as of one moment."""
    try:
        with psycopg.connect(url, connect_timeout=10) as connection:
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            for table, without in SETTINGS.items():
                lines = connection.execute(
                    sql.SQL("SELECT (to_jsonb(t) - {})::text FROM {} AS t ORDER BY 1").format(
                        sql.Literal(without), sql.Identifier(table)
                    )
                )
                yield f"settings/{table}.jsonl", "".join(f"{line}\n" for (line,) in lines).encode()
    except psycopg.Error as error:
        said = plainly(error)[:200]
        raise Refused(f"the settings tables cannot be read: {said}") from None


def _environment(environ: Mapping[str, str], key: str) -> dict[str, Any]:
    """Our variables; of secrets, and of files that hold them, marks."""
    told: dict[str, Any] = {}
    for name, value in sorted(environ.items()):
        if not name.startswith(("HOTEL_", "DB_", "REDIS_", "DATABASE_", "STATUS_")):
            continue
        if name.endswith("_FILE"):
            with suppress(OSError):
                told[name] = {"mark": _mark(Path(value).read_bytes(), key)}
        else:
            told[name] = {"mark": _mark(value.encode(), key)} if _SECRET.search(name) else value
    return told


def _folder(folder: Path, below: str, key: str, *, missing_ok: bool = False) -> Files:
    """Its files, by name; of those in a folder `secrets`, marks. Links are not followed out of it."""
    if not folder.is_dir():
        if missing_ok:
            return
        raise WrongUse(f"HOTEL_CONFIGURATION_FOLDERS: {folder} is no folder on this machine")
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        # Kubernetes mounts a file as a link to `..data/file`.
        if any(part.startswith("..") or part in _NO_FILES for part in name.parts) or not path.is_file():
            continue
        if not path.resolve().is_relative_to(folder.resolve()):
            continue
        try:
            if path.stat().st_size > _FILE_MOST:
                raise Refused(f"{path} is larger than {_FILE_MOST >> 20} MB: it belongs elsewhere")
            content = path.read_bytes()
        except FileNotFoundError:
            continue  # gone since
        except OSError as error:
            raise Refused(f"{path} cannot be read: {error.strerror or error}") from None
        if "secrets" in name.parts:
            content = _mark(content, key).encode()
        yield f"{below}/{name.as_posix()}", content


def _photos_of_bucket(settings: Any) -> Files:
    """Every photo, one after the other."""
    bucket, _, prefix = settings.media_url.removeprefix("s3://").partition("/")
    store = Store(
        prefix,
        bucket,
        settings.s3_endpoint or "",
        settings.s3_region,
        settings.s3_access_key or "",
        settings.s3_secret_key or "",
    ).below("")
    try:
        for some in obstore.list(store):
            for stored in some:
                with suppress(NotFoundError, FileNotFoundError):  # removed since
                    yield f"uploads/{stored['path']}", bytes(obstore.get(store, stored["path"]).bytes())
    except (BaseError, FileNotFoundError) as error:
        raise Refused(f"photos cannot be read from {settings.media_url} ({type(error).__name__})") from None


def _cluster(environ: Mapping[str, str]) -> Files:
    """The objects of this namespace, without what the cluster writes on them, where this is a pod that may
    read them. It may not read secrets: they are mounted, and marked."""
    if not Api.is_pod(environ):
        return
    api = Api.in_pod(environ)
    for kind in _KINDS:
        group, _, plural = kind.rpartition("/")
        try:
            found = api.get(f"{group}/namespaces/{api.namespace}/{plural}")
        except ApiError as error:
            if error.status in _NOT_THERE:
                continue
            raise
        for item in sorted(found["items"], key=lambda each: each["metadata"]["name"]):
            whole = {"apiVersion": group.removeprefix("/apis/").removeprefix("/api/"), **item}
            yield f"cluster/{plural}/{item['metadata']['name']}.json", _json(_applied(whole))


def _applied(item: dict[str, Any]) -> dict[str, Any]:
    """As somebody applies it. How many replicas there are is the autoscaler's."""
    item.pop("status", None)
    for each in _OF_THE_CLUSTER:
        item["metadata"].pop(each, None)
    item.get("spec", {}).pop("replicas", None)
    return item


def _mark(content: bytes, key: str) -> str:
    return hmac.new(key.encode(), content, hashlib.sha256).hexdigest()[:16]


def _json(value: Any) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value, order="deterministic"), indent=1)
