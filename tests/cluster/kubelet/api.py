"""The API server, as the kubelet speaks to it."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Any

import httpx

Object = dict[str, Any]
_STRATEGIC = "application/strategic-merge-patch+json"


class Missing(Exception):
    """What was asked for is not there (yet)."""


class Api:
    """Calls that the kubelet makes, with an administrator's token."""

    def __init__(self, server: str, token: str) -> None:
        self._client = httpx.AsyncClient(
            base_url=server,
            verify=False,  # inside a network of its own
            headers={"Authorization": f"Bearer {token}"},
            timeout=httpx.Timeout(20.0),
            limits=httpx.Limits(max_connections=64),
        )
        self.server = server

    async def call(
        self, method: str, path: str, body: Object | None = None, *, patch: bool = False
    ) -> Object:
        """The answer. Raises `Missing` for 404, `httpx.HTTPStatusError` for other refusals."""
        kind = _STRATEGIC if patch else "application/json"
        content = None if body is None else json.dumps(body)
        answer = await self._client.request(method, path, content=content, headers={"Content-Type": kind})
        if answer.status_code == 404:
            raise Missing(path)
        answer.raise_for_status()
        found: Object = answer.json()
        return found

    async def watch(self, path: str) -> AsyncIterator[tuple[str, Object]]:
        """Everything that is there and what becomes of it, for ever: (ADDED, MODIFIED or DELETED, object)."""
        while True:
            try:
                version = None
                listed = await self.call("GET", path)
                version = listed["metadata"]["resourceVersion"]
                yield "LISTED", listed
                options = {"watch": "1", "resourceVersion": version, "timeoutSeconds": "300"}
                async with self._client.stream("GET", path, params=options, timeout=320) as stream:
                    async for line in stream.aiter_lines():
                        event = json.loads(line)
                        if event["type"] in ("ADDED", "MODIFIED", "DELETED"):
                            yield event["type"], event["object"]
                        elif event["type"] == "ERROR":
                            break
            except (httpx.HTTPError, Missing, json.JSONDecodeError):
                await asyncio.sleep(0.5)

    async def event(self, pod: Object, reason: str, message: str, *, warning: bool = False) -> None:
        """What `kubectl describe` and `get events` tell of a pod."""
        meta, moment = pod["metadata"], now()
        body = {
            "metadata": {"generateName": f"{meta['name']}.", "namespace": meta["namespace"]},
            "involvedObject": {
                "apiVersion": "v1",
                "kind": "Pod",
                "name": meta["name"],
                "namespace": meta["namespace"],
                "uid": meta["uid"],
            },
            "reason": reason,
            "message": message[:1000],
            "type": "Warning" if warning else "Normal",
            "firstTimestamp": moment,
            "lastTimestamp": moment,
            "count": 1,
            "source": {"component": "kubelet", "host": pod["spec"].get("nodeName", "")},
            "reportingComponent": "kubelet",
        }
        try:
            await self.call("POST", f"/api/v1/namespaces/{meta['namespace']}/events", body)
        except (httpx.HTTPError, Missing):
            return  # a namespace that ends takes no more events

    async def data(self, namespace: str, kind: str, name: str) -> Mapping[str, bytes]:
        """What a ConfigMap (`configmaps`) or Secret (`secrets`) holds. Raises `Missing`."""
        found = await self.call("GET", f"/api/v1/namespaces/{namespace}/{kind}/{name}")
        encoded = found.get("binaryData" if kind == "configmaps" else "data") or {}
        plain = found.get("data") or {} if kind == "configmaps" else {}
        return {key: base64.b64decode(value) for key, value in encoded.items()} | {
            key: value.encode() for key, value in plain.items()
        }

    async def token(self, namespace: str, account: str, audience: str | None, seconds: int) -> str:
        """A token of a ServiceAccount."""
        spec: Object = {"expirationSeconds": seconds, "audiences": [audience] if audience else None}
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token"
        made = await self.call("POST", path, {"spec": spec})
        return str(made["status"]["token"])


def now() -> str:
    """The time, as the API writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
