"""etcd, the API server, its controllers and scheduler: the real ones."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cluster.certificates import Authority, service_account_key
from tests.cluster.first import BRIDGE
from tests.cluster.world import World

TOKEN = "the-administrator-of-a-test-cluster"  # of a cluster that nobody else reaches
SERVER = f"https://{BRIDGE}:6443"
_ETCD = "http://127.0.0.1:2379"


def start_control_plane(world: World, authority: Authority, programs: Path, streams: Path) -> None:
    """Returns when the API server is ready. Raises `ClusterError`."""
    folder = world.folder
    pki = authority.folder
    service_account_key(pki / "accounts.key")
    authority.sign("api", [BRIDGE, "127.0.0.1", "localhost", "kubernetes", "kubernetes.default.svc"])
    authority.sign("kubelet", [BRIDGE, "node-1", "node-2", "node-3"])
    (folder / "tokens.csv").write_text(f"{TOKEN},admin,admin,system:masters\n")
    kubeconfig = write_kubeconfig(folder / "kubeconfig-inside", SERVER)
    world.start(
        "etcd",
        [
            *("etcd", "--data-dir", str(folder / "etcd"), "--unsafe-no-fsync"),
            *("--listen-client-urls", _ETCD, "--advertise-client-urls", _ETCD),
            *("--listen-peer-urls", "http://127.0.0.1:2380"),
            *("--initial-advertise-peer-urls", "http://127.0.0.1:2380"),
            *("--initial-cluster", "default=http://127.0.0.1:2380"),
        ],
    )
    world.start(
        "kube-apiserver",
        [
            str(programs / "kube-apiserver"),
            f"--etcd-servers={_ETCD}",
            "--secure-port=6443",
            f"--bind-address={BRIDGE}",
            f"--advertise-address={BRIDGE}",
            f"--tls-cert-file={pki / 'api.crt'}",
            f"--tls-private-key-file={pki / 'api.key'}",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={pki / 'accounts.key'}",
            f"--service-account-signing-key-file={pki / 'accounts.key'}",
            f"--token-auth-file={folder / 'tokens.csv'}",
            "--authorization-mode=Node,RBAC",
            "--service-cluster-ip-range=10.96.0.0/16",
            f"--client-ca-file={pki / 'ca.crt'}",
            # Aggregated APIs (metrics) are reached at their endpoints: ClusterIPs lead nowhere here.
            "--enable-aggregator-routing=true",
            f"--requestheader-client-ca-file={pki / 'ca.crt'}",
            "--requestheader-username-headers=X-Remote-User",
            "--requestheader-group-headers=X-Remote-Group",
            "--requestheader-extra-headers-prefix=X-Remote-Extra-",
            f"--proxy-client-cert-file={pki / 'api.crt'}",
            f"--proxy-client-key-file={pki / 'api.key'}",
            "--allow-privileged=true",
            "--kubelet-preferred-address-types=InternalIP",
        ],
    )

    def ready() -> bool:
        asked = ["curl", "-sfk", "-H", f"Authorization: Bearer {TOKEN}", f"{SERVER}/readyz"]
        return world.run(asked, check=False).stdout == "ok"

    world.wait(ready, 90, "the API server", folder / "kube-apiserver.log")
    world.start(
        "kube-controller-manager",
        [
            str(programs / "kube-controller-manager"),
            f"--kubeconfig={kubeconfig}",
            f"--service-account-private-key-file={pki / 'accounts.key'}",
            f"--root-ca-file={pki / 'ca.crt'}",
            "--use-service-account-credentials=true",
            f"--cluster-signing-cert-file={pki / 'ca.crt'}",
            f"--cluster-signing-key-file={pki / 'ca.key'}",
            "--leader-elect=false",
            "--bind-address=127.0.0.1",
            # Decisions of the autoscaler in seconds and not in quarters of a minute.
            "--horizontal-pod-autoscaler-sync-period=5s",
        ],
    )
    world.start(
        "kube-scheduler",
        [
            str(programs / "kube-scheduler"),
            f"--kubeconfig={kubeconfig}",
            "--leader-elect=false",
            "--bind-address=127.0.0.1",
        ],
    )
    world.start(
        "kubelet-streams",
        [
            str(streams / "kubelet-streams"),
            str(folder / "pods"),
            f"{BRIDGE}:10250",
            str(pki / "kubelet.crt"),
            str(pki / "kubelet.key"),
        ],
    )


def write_kubeconfig(file: Path, server: str) -> Path:
    """An administrator's, as YAML that is JSON too."""
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": "hotel-booking", "cluster": {"server": server, "insecure-skip-tls-verify": True}}
        ],
        "users": [{"name": "admin", "user": {"token": TOKEN}}],
        "contexts": [{"name": "hotel-booking", "context": {"cluster": "hotel-booking", "user": "admin"}}],
        "current-context": "hotel-booking",
    }
    file.write_text(json.dumps(content, indent=1))
    file.chmod(0o600)
    return file
