"""The platform on the cluster: everything that it expects to be there, then Argo CD brings it."""

from __future__ import annotations

import asyncio
import json
import secrets
import sys
from pathlib import Path

from hotel_booking.demo.loader import load
from hotel_booking.ops.access import preparing
from tests.cluster import control, delivery, mesh, stores
from tests.cluster.cluster import Cluster
from tests.cluster.world import ClusterError

_OVERLAYS = Path(__file__).parents[2] / "deployment" / "kubernetes" / "overlays"
NAMESPACE = "hotel-booking-production"


def secrets_of() -> dict[str, str]:
    """What Secrets Manager would have, and what differs on one small machine: the Secret's variables come
    after the settings' and win."""
    return {
        "DB_HOST": stores.DATABASE,
        "DB_PORT": "5432",
        "DB_USER": stores.USER,
        "DB_NAME": stores.NAME,
        "DB_PASSWORD": stores.PASSWORD,
        "HOTEL_POOLED_DATABASE_URL": stores.POOLED_URL,
        "REDIS_HOST": stores.REDIS,
        "REDIS_PORT": "6379",
        "REDIS_PASSWORD": stores.REDIS_PASSWORD,
        "HOTEL_SECRET_KEY": secrets.token_urlsafe(40),
        "HOTEL_ALERTMANAGER_TOKEN": secrets.token_urlsafe(40),
        "HOTEL_S3_ACCESS_KEY": "none",
        "HOTEL_S3_SECRET_KEY": "none",
        "HOTEL_GATEWAY": "none",  # guests pay at the hotel: Stripe is not reached from here
        "HOTEL_TRUSTED_PROXIES": "10.244.0.0/16",
        "HOTEL_EXCHANGE_RATES_URL": "",
        "HOTEL_WORKERS": "1",
    }


def prepare(cluster: Cluster, environment: str = "production") -> None:
    """What an operator installs before the platform, and the doubles of AWS. Raises `ClusterError`."""
    cluster.authority.sign(
        "gateway", ["hotelbooking.com", "*.hotelbooking.com", "*.staging.hotelbooking.com"]
    )
    gateway = cluster.authority.folder / "gateway"
    certificate = {f"tls.{part}": gateway.with_suffix(f".{part}").read_text() for part in ("crt", "key")}
    known = {
        "hotel-booking-secrets": secrets_of(),
        "hotel-booking-backup": {"HOTEL_BACKUP_KEY": "of-the-backups-of-the-tests"},
        "hotel-booking-access": {"ACCESS_PASSWORD": stores.ACCESS_PASSWORD},
        "hotel-booking-gateway": certificate,
    }
    (cluster.folder / "secrets.json").write_text(json.dumps(known))
    (cluster.folder / "load").write_text("0.3")
    cluster.definitions("prometheus-operator", "external-secrets", "flagger")
    pki = cluster.authority.folder
    cluster.authority.sign("metrics", ["metrics-server.kube-system.svc"])
    cluster.world.start(
        "cloud",
        [
            *(
                sys.executable,
                "-m",
                "tests.cluster.cloud",
                control.SERVER,
                control.TOKEN,
                str(cluster.folder),
            ),
            *(str(pki / "metrics.crt"), str(pki / "metrics.key")),
        ],
        cwd=Path(__file__).parents[2],
    )
    overlay = _OVERLAYS / environment
    cluster.apply(cluster.built(overlay / "cluster"))
    _measures(cluster, overlay / "monitoring")
    mesh.start_istiod(cluster)
    mesh.start_gateway(cluster)
    delivery.start_argo(cluster)


def _measures(cluster: Cluster, overlay: Path) -> None:
    """What of the monitoring tells Prometheus; the exporters' images and Grafana are not to be had here."""
    cluster.apply([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "monitoring"}}])
    cluster.apply([one for one in cluster.built(overlay) if one["apiVersion"].startswith("monitoring.")])


def bring(cluster: Cluster, environment: str = "production") -> delivery.Repository:
    """From nothing to a platform that Argo CD calls healthy. Raises `ClusterError`."""
    repository = delivery.Repository(cluster.folder / "repository")
    delivery.deliver(cluster, repository, environment)
    settled(cluster, seconds=240)
    # Healthy at first with one pod: the autoscaler comes a wave later, and brings its least number.
    cluster.until("the autoscaler's pods", lambda: _enough(cluster, f"hotel-booking-{environment}"), 120)
    settled(cluster)
    return repository


def _enough(cluster: Cluster, namespace: str) -> bool:
    wanted = cluster.get("horizontalpodautoscalers", namespace, "hotel-booking")[0]["spec"]["minReplicas"]
    status = cluster.get("deployments", namespace, "hotel-booking")[0]["status"]
    return bool(status.get("readyReplicas", 0) >= wanted)


def settled(cluster: Cluster, seconds: float = 120) -> None:
    """Until the application is synced and healthy. Raises `ClusterError`."""

    def there() -> bool:
        synced, healthy, said = delivery.state(cluster)
        if "Failed" in said or "Error" in said.split(" ")[0]:
            raise ClusterError(said)
        return (synced, healthy) == ("Synced", "Healthy")

    cluster.until("Argo CD's application", there, seconds)


def load_hotels(cluster: Cluster, properties: int = 3) -> None:
    """Hotels of the demo chain, into the migrated database, which is then prepared for access by the hour."""
    url = stores.administrator(cluster.world)
    preparing.prepare(url, stores.ACCESS_PASSWORD)
    asyncio.run(load(url, seed=1, progress=lambda _what, _share: None, properties=properties))
