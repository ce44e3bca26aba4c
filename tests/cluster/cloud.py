"""What AWS and its add-ons would do: `python -m tests.cluster.cloud SERVER TOKEN FOLDER CERTIFICATE KEY`.

Secrets come from `FOLDER/secrets.json`, by name, to the ExternalSecrets that ask for them (External Secrets
and Secrets Manager), a claim gets a volume (EBS), and `metrics.k8s.io` answers `kubectl top` and the
autoscaler. Those figures are made up: every container uses the share of its request that stands in
`FOLDER/load`.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import re
import ssl
import sys
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from tests.cluster.first import BRIDGE
from tests.cluster.kubelet.api import Api, Missing, Object, now

_STORES = "/apis/external-secrets.io/v1/clustersecretstores"
_SECRETS = "/apis/external-secrets.io/v1/externalsecrets"
_METRICS_PORT = 4443
_CORES, _BYTES = 0.1, 128 * 2**20  # of a container that asks for nothing


async def provide(api: Api, folder: Path) -> None:
    """For ever, twice a second."""
    while True:
        for act in (_secrets, _volumes):
            with contextlib.suppress(httpx.HTTPError, Missing):
                await act(api, folder)
        await asyncio.sleep(0.5)


async def _secrets(api: Api, folder: Path) -> None:
    for store in (await api.call("GET", _STORES))["items"]:
        await _tell_ready(api, f"{_STORES}/{store['metadata']['name']}", store, "store validated")
    known: dict[str, dict[str, str]] = json.loads((folder / "secrets.json").read_text())
    for asked in (await api.call("GET", _SECRETS))["items"]:
        meta = asked["metadata"]
        target = asked["spec"]["target"]
        name = target.get("name") or meta["name"]
        if (given := known.get(name)) is None:
            continue
        path = f"/api/v1/namespaces/{meta['namespace']}/secrets"
        data = {key: base64.b64encode(value.encode()).decode() for key, value in given.items()}
        try:
            await api.call("GET", f"{path}/{name}")
        except Missing:
            kind = (target.get("template") or {}).get("type", "Opaque")
            await api.call("POST", path, {"metadata": {"name": name}, "type": kind, "data": data})
        own = f"/apis/external-secrets.io/v1/namespaces/{meta['namespace']}/externalsecrets/{meta['name']}"
        await _tell_ready(api, own, asked, "secret synced")


async def _tell_ready(api: Api, path: str, found: Object, message: str) -> None:
    conditions = (found.get("status") or {}).get("conditions")
    if conditions:
        return
    ready = {"type": "Ready", "status": "True", "reason": "Valid", "message": message}
    found["status"] = {"conditions": [ready | {"lastTransitionTime": now()}]}
    await api.call("PUT", f"{path}/status", found)


async def _volumes(api: Api, folder: Path) -> None:
    for claim in (await api.call("GET", "/api/v1/persistentvolumeclaims"))["items"]:
        meta, spec = claim["metadata"], claim["spec"]
        name = f"volume-{meta['uid']}"
        if (claim.get("status") or {}).get("phase") != "Pending" or spec.get("volumeName"):
            continue
        volume: Object = {
            "metadata": {"name": name},
            "spec": {
                "capacity": spec["resources"]["requests"],
                "accessModes": spec["accessModes"],
                "storageClassName": spec.get("storageClassName") or "",
                "hostPath": {"path": str(folder / name)},
                "claimRef": {"namespace": meta["namespace"], "name": meta["name"], "uid": meta["uid"]},
                "persistentVolumeReclaimPolicy": "Delete",
            },
        }
        with contextlib.suppress(httpx.HTTPStatusError):  # made a moment ago
            await api.call("POST", "/api/v1/persistentvolumes", volume)


async def join_metrics(api: Api) -> None:
    """The API server leads `metrics.k8s.io` to us."""
    place = "/api/v1/namespaces/kube-system/services"
    service = {"metadata": {"name": "metrics-server"}, "spec": {"ports": [{"name": "https", "port": 443}]}}
    await api.call("POST", place, service)
    slices = "/apis/discovery.k8s.io/v1/namespaces/kube-system/endpointslices"
    labels = {"kubernetes.io/service-name": "metrics-server"}
    endpoints: Object = {
        "metadata": {"name": "metrics-server-1", "labels": labels},
        "addressType": "IPv4",
        "endpoints": [{"addresses": [BRIDGE], "conditions": {"ready": True}}],
        "ports": [{"name": "https", "port": _METRICS_PORT, "protocol": "TCP"}],
    }
    await api.call("POST", slices, endpoints)
    # The aggregator of both versions reads Endpoints.
    older: Object = {
        "metadata": {"name": "metrics-server"},
        "subsets": [{"addresses": [{"ip": BRIDGE}], "ports": [{"name": "https", "port": _METRICS_PORT}]}],
    }
    with contextlib.suppress(httpx.HTTPStatusError):
        await api.call("POST", "/api/v1/namespaces/kube-system/endpoints", older)
    await api.call(
        "POST",
        "/apis/apiregistration.k8s.io/v1/apiservices",
        {
            "metadata": {"name": "v1beta1.metrics.k8s.io"},
            "spec": {
                "group": "metrics.k8s.io",
                "version": "v1beta1",
                "service": {"name": "metrics-server", "namespace": "kube-system"},
                "insecureSkipTLSVerify": True,
                "groupPriorityMinimum": 100,
                "versionPriority": 100,
            },
        },
    )


class Metrics(BaseHTTPRequestHandler):
    """`metrics.k8s.io/v1beta1` for nodes and pods."""

    told: tuple[str, str, Path]  # the API server, its token, our folder

    def log_message(self, *_: object) -> None:
        """Nothing."""

    def do_GET(self) -> None:
        """The list of resources, or figures."""
        parts = urlsplit(self.path)
        found = re.fullmatch(
            r"/apis/metrics\.k8s\.io/v1beta1/(?:namespaces/([^/]+)/)?(nodes|pods)(?:/([^/]+))?", parts.path
        )
        answer = _resources() if found is None else self._figures(found, parts.query)
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _figures(self, found: re.Match[str], query: str) -> Object:
        namespace, kind, name = found.groups()
        path = f"/api/v1/namespaces/{namespace}/{kind}" if namespace else f"/api/v1/{kind}"
        listed = self._ask(f"{path}?{query}")["items"]
        listed = [one for one in listed if one["status"].get("phase", "Running") == "Running"]
        items = [self._of(one) for one in listed if not name or one["metadata"]["name"] == name]
        if name:
            return items[0] if items else {}
        title = "NodeMetricsList" if kind == "nodes" else "PodMetricsList"
        return {"kind": title, "apiVersion": "metrics.k8s.io/v1beta1", "metadata": {}, "items": items}

    def _of(self, found: Object) -> Object:
        load = float((self.told[2] / "load").read_text())
        meta = {key: found["metadata"].get(key) for key in ("name", "namespace", "labels")}
        told: Object = {"metadata": meta, "timestamp": now(), "window": "15s"}
        if "containers" not in found["spec"]:
            return told | {"usage": {"cpu": f"{int(4000 * load)}m", "memory": f"{int(8192 * load)}Mi"}}
        containers = []
        for one in found["spec"]["containers"]:
            asked = (one.get("resources") or {}).get("requests") or {}
            used = {
                "cpu": f"{int(1000 * load * _cores(asked.get('cpu')))}m",
                "memory": f"{int(load * _bytes(asked.get('memory')) / 2**20)}Mi",
            }
            containers.append({"name": one["name"], "usage": used})
        return told | {"containers": containers}

    def _ask(self, path: str) -> Any:
        server, token, _ = self.told
        request = urllib.request.Request(f"{server}{path}", headers={"Authorization": f"Bearer {token}"})
        unverified = ssl.create_default_context()  # inside a network of its own
        unverified.check_hostname, unverified.verify_mode = False, ssl.CERT_NONE
        with urllib.request.urlopen(request, context=unverified, timeout=10) as answer:
            return json.load(answer)


def _cores(text: str | None) -> float:
    if not text:
        return _CORES
    return float(text[:-1]) / 1000 if text.endswith("m") else float(text)


def _bytes(text: str | None) -> float:
    if not text:
        return _BYTES
    return float(text[:-2]) * {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30}[text[-2:]]


def _resources() -> Object:
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": "metrics.k8s.io/v1beta1",
        "resources": [
            {"name": "nodes", "namespaced": False, "kind": "NodeMetrics", "verbs": ["get", "list"]},
            {"name": "pods", "namespaced": True, "kind": "PodMetrics", "verbs": ["get", "list"]},
        ],
    }


def main() -> None:
    """Until it is stopped."""
    server, token, folder, certificate, key = sys.argv[1:]
    Metrics.told = (server, token, Path(folder))
    listener = ThreadingHTTPServer((BRIDGE, _METRICS_PORT), Metrics)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    listener.socket = context.wrap_socket(listener.socket, server_side=True)
    threading.Thread(target=listener.serve_forever, daemon=True).start()

    async def both() -> None:
        api = Api(server, token)
        await join_metrics(api)
        await provide(api, Path(folder))

    asyncio.run(both())


if __name__ == "__main__":
    main()
