"""What kube-proxy and the cluster's DNS would do: `python -m tests.cluster.services SERVER TOKEN HOSTS`.

Runs in a network namespace of its own beside the pods (`open_network`): every Service's ClusterIP is an
address there, whose ports lead to pods that are ready, one after the other. Its name stands in HOSTS, the
`/etc/hosts` of everything inside. (The gateway asks nobody: istiod gives it the pods' own addresses.)
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import sys
from pathlib import Path

from tests.cluster.first import lead_to
from tests.cluster.kubelet.api import Api, Object
from tests.cluster.world import World

NETWORK = "services"
_ADDRESS = "10.244.0.7"
_RANGE = "10.96.0.0/16"  # as control.py tells the API server


def open_network(world: World) -> None:
    """The namespace, and the way there. Raises `ClusterError`."""
    for line in (
        f"ip netns add {NETWORK}",
        f"ip link add v{NETWORK} type veth peer name eth0 netns {NETWORK}",
        f"ip link set v{NETWORK} master cluster0 up",
        f"ip -n {NETWORK} link set lo up",
        f"ip -n {NETWORK} addr add {_ADDRESS}/16 dev eth0",
        f"ip -n {NETWORK} link set eth0 up",
        f"ip route add {_RANGE} dev cluster0",
    ):
        world.run(line.split())


class Services:
    """`hosts` is written anew where it stands, since it is mounted elsewhere."""

    def __init__(self, api: Api, hosts: Path) -> None:
        self._api, self._hosts, self._first = api, hosts, hosts.read_text()
        self._services: dict[str, Object] = {}
        self._slices: dict[str, Object] = {}
        self._open: dict[tuple[str, int], asyncio.Server] = {}
        self._turn = itertools.count()

    async def live(self) -> None:
        """For ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow("/api/v1/services", self._services))
            group.create_task(self._follow("/apis/discovery.k8s.io/v1/endpointslices", self._slices))

    async def _follow(self, path: str, known: dict[str, Object]) -> None:
        async for kind, found in self._api.watch(path):
            if kind == "LISTED":
                known.clear()
                known.update({_name(one): one for one in found["items"]})
            elif kind == "DELETED":
                known.pop(_name(found), None)
            else:
                known[_name(found)] = found
            if known is self._services:
                await self._listen()

    async def _listen(self) -> None:
        wanted = {}
        lines = []
        for name, service in self._services.items():
            address = service["spec"].get("clusterIP", "None")
            if address == "None" or name == "default/kubernetes":
                continue
            namespace, short = name.split("/")
            lines.append(f"{address} {short}.{namespace}.svc {short}.{namespace}.svc.cluster.local\n")
            for port in service["spec"]["ports"]:
                wanted[address, int(port["port"])] = (name, port.get("name", ""))
        for place in [place for place in self._open if place not in wanted]:
            self._open.pop(place).close()
        for place, (name, port_name) in wanted.items():
            if place not in self._open:
                await _ip("addr", "replace", f"{place[0]}/32", "dev", "eth0")
                with contextlib.suppress(OSError):
                    self._open[place] = await self._leading(place, name, port_name)
        self._hosts.write_text(self._first + "".join(sorted(lines)))

    async def _leading(self, place: tuple[str, int], name: str, port: str) -> asyncio.Server:
        async def lead(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            there = self._ready(name, port)
            if not there:
                writer.close()
                return
            await lead_to(*there[next(self._turn) % len(there)], reader, writer)

        return await asyncio.start_server(lead, *place)

    def _ready(self, name: str, port: str) -> list[tuple[str, int]]:
        found = []
        for one in self._slices.values():
            meta = one["metadata"]
            if f"{meta['namespace']}/{meta['labels'].get('kubernetes.io/service-name')}" != name:
                continue
            numbers = [int(each["port"]) for each in one.get("ports") or [] if each.get("name", "") == port]
            found += [
                (address, number)
                for endpoint in one.get("endpoints") or []
                if (endpoint.get("conditions") or {}).get("ready")
                for address in endpoint["addresses"]
                for number in numbers
            ]
        return sorted(found)


def _name(one: Object) -> str:
    return f"{one['metadata']['namespace']}/{one['metadata']['name']}"


async def _ip(*arguments: str) -> None:
    child = await asyncio.create_subprocess_exec("ip", *arguments)
    await child.wait()


def main() -> None:
    """Until it is stopped."""
    server, token, hosts = sys.argv[1:]
    asyncio.run(Services(Api(server, token), Path(hosts)).live())


if __name__ == "__main__":
    main()
