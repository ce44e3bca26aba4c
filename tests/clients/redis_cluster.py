"""A Redis Cluster as ElastiCache gives one: TLS, a password, nodes that are known by name; real servers."""

from __future__ import annotations

import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from hotel_booking.ops.child_processes import free_port
from tests.clients.waiting import wait_until

PASSWORD = "a password: with / and @"
_QUOTED = "a%20password%3A%20with%20%2F%20and%20%40"


class RedisNode:
    """One server of it."""

    def __init__(self, folder: Path, certificate: Path, key: Path) -> None:
        self.port, self._certificate, self._key = free_port(), certificate, key
        self._folder = folder / str(self.port)
        self._folder.mkdir()
        self._bus = free_port()
        self.start()

    def start(self) -> None:
        """Begin, or begin anew where it left off."""
        options = {
            "port": "0",
            "tls-port": str(self.port),
            "cluster-port": str(self._bus),
            "bind": "127.0.0.1",
            "tls-cert-file": str(self._certificate),
            "tls-key-file": str(self._key),
            "tls-ca-cert-file": str(self._certificate),
            "tls-auth-clients": "no",
            "tls-cluster": "yes",
            "tls-replication": "yes",
            "cluster-enabled": "yes",
            "cluster-node-timeout": "1500",
            "cluster-announce-hostname": "localhost",
            "cluster-preferred-endpoint-type": "hostname",
            "requirepass": PASSWORD,
            "masterauth": PASSWORD,
            "save": "",
            "dir": str(self._folder),
        }
        words = [word for name, value in options.items() for word in (f"--{name}", value)]
        self.process = subprocess.Popen(["redis-server", *words], stdout=subprocess.DEVNULL)
        wait_until(self.answers, child=self.process)

    def answers(self) -> bool:
        """Whether it does."""
        try:
            with self.client() as client:
                return bool(client.ping())
        except Exception:  # whatever keeps it from answering
            return False

    def client(self) -> Redis:
        """A plain client of this node alone."""
        return Redis(
            host="localhost",
            port=self.port,
            password=PASSWORD,
            ssl=True,
            ssl_ca_certs=str(self._certificate),
            socket_timeout=5,
        )

    def kill(self) -> None:
        """As a machine that loses its power."""
        self.process.kill()
        self.process.wait()

    def stop(self, stopped: bool) -> None:
        """Have it say nothing any more, or go on."""
        self.process.send_signal(signal.SIGSTOP if stopped else signal.SIGCONT)


class LocalRedisCluster:
    """Its nodes, and how they are addressed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.certificate, self._key = folder / "ca.pem", folder / "key.pem"
        subprocess.run(
            [
                *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
                *("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"),
                *("-keyout", self._key, "-out", self.certificate),
            ],
            check=True,
            capture_output=True,
        )
        self.nodes = [RedisNode(folder, self.certificate, self._key) for _ in range(3)]
        self._command("create", *(f"127.0.0.1:{node.port}" for node in self.nodes))
        wait_until(lambda: all(self._whole(node) for node in self.nodes))

    @property
    def url(self) -> str:
        """REDIS_URL of the platform; the certificate is its own."""
        return f"rediss://:{_QUOTED}@localhost:{self.nodes[0].port}/0?ssl_ca_certs={self.certificate}"

    def environment(self) -> dict[str, str]:
        """The same, as ElastiCache's address and password are given."""
        return {
            "REDIS_HOST": "localhost",
            "REDIS_PORT": str(self.nodes[0].port),
            "REDIS_PASSWORD": PASSWORD,
            "REDIS_TLS": "true",
            "SSL_CERT_FILE": str(self.certificate),  # where this machine's authorities stand
        }

    def replicate(self, node: RedisNode) -> RedisNode:
        """Another server that follows this one, and takes its place when it is away."""
        replica = RedisNode(self._folder, self.certificate, self._key)
        self.nodes.append(replica)
        with node.client() as client:
            name = client.execute_command("CLUSTER MYID").decode()
        first = f"127.0.0.1:{self.nodes[0].port}"
        self._command(
            "add-node", f"127.0.0.1:{replica.port}", first, "--cluster-slave", "--cluster-master-id", name
        )
        with replica.client() as client:
            wait_until(lambda: client.info("replication").get("master_link_status") == "up")
        return replica

    def move(self, slots: int, source: RedisNode, target: RedisNode) -> None:
        """Move so many slots and what is in them from one node to another."""
        names = []
        for node in (source, target):
            with node.client() as client:
                names.append(client.execute_command("CLUSTER MYID").decode())
        self._command(
            *("reshard", f"127.0.0.1:{source.port}", "--cluster-from", names[0]),
            *("--cluster-to", names[1], "--cluster-slots", str(slots)),
        )

    def keys(self, pattern: str = "*") -> list[set[bytes]]:
        """The keys of each node."""
        found: list[set[bytes]] = []
        for node in self.nodes:
            with node.client() as client:
                found.append(set(client.scan_iter(pattern)))
        return found

    def end(self) -> None:
        """Every server."""
        for node in self.nodes:
            node.kill()

    def _command(self, *words: str) -> None:
        done = subprocess.run(
            ["redis-cli", "--tls", "--cacert", str(self.certificate), "--cluster", *words, "--cluster-yes"],
            env={"REDISCLI_AUTH": PASSWORD, "PATH": "/usr/bin:/bin"},
            check=False,
            capture_output=True,
            text=True,
            timeout=90,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    @staticmethod
    def _whole(node: RedisNode) -> bool:
        with node.client() as client:
            told: Any = client.execute_command("CLUSTER INFO")
        return (
            b"cluster_state:ok" in bytes(told) if isinstance(told, bytes) else told["cluster_state"] == "ok"
        )


@contextmanager
def redis_cluster(folder: Path) -> Iterator[LocalRedisCluster]:
    """Three servers that share the keys."""
    missing = [
        program for program in ("redis-server", "redis-cli", "openssl") if shutil.which(program) is None
    ]
    if missing:
        pytest.skip(f"no Redis Cluster: install {' and '.join(missing)}")  # .ci/run has them
    cluster = LocalRedisCluster(folder)
    try:
        yield cluster
    finally:
        cluster.end()
