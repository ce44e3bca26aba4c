"""Istio's control plane with its validating webhook, and an Envoy as the ingress gateway.

Envoy comes without Istio's agent and its own filters: no certificates for the mesh, so pods are spoken to
in clear, and no `istio_requests_total`. It fetches the gateway's own certificate from istiod as a gateway
on AWS does.
"""

from __future__ import annotations

import base64
import json
from typing import Any

from tests.cluster.cluster import GATEWAY, Cluster
from tests.cluster.first import BRIDGE

_SYSTEM, _INGRESS = "istio-system", "istio-ingress"
_WEBHOOK = "istio-validator-istio-system"
_GROUPS = (
    "security.istio.io",
    "networking.istio.io",
    "telemetry.istio.io",
    "extensions.istio.io",
)


def start_istiod(cluster: Cluster) -> None:
    """Until its webhook refuses what is wrong. Raises `ClusterError`."""
    cluster.definitions("istiod")
    cluster.apply([_namespace(_SYSTEM), _webhook()])
    mesh = {
        "defaultConfig": {"discoveryAddress": "istiod.istio-system.svc:15012"},
        "accessLogFile": "",
        "enablePrometheusMerge": False,
        "defaultProviders": {},
        "trustDomain": "cluster.local",
        "enableAutoMtls": False,
    }
    (cluster.folder / "mesh.json").write_text(json.dumps(mesh))
    cluster.world.start(
        "istiod",
        [
            cluster.program("istiod", "pilot-discovery"),
            *("discovery", "--kubeconfig", str(cluster.folder / "kubeconfig-inside")),
            *("--meshConfig", str(cluster.folder / "mesh.json"), "--domain", "cluster.local"),
            *("--monitoringAddr", "127.0.0.1:15014", "--httpAddr", "127.0.0.1:18090"),
            *("--grpcAddr", "127.0.0.1:15010", "--secureGRPCAddr", f"{BRIDGE}:15012"),
            *("--httpsAddr", f"{BRIDGE}:15017"),
        ],
        env={
            "HOME": str(cluster.folder),
            "REVISION": "default",
            "POD_NAME": "istiod-0",
            "POD_NAMESPACE": _SYSTEM,
            "PILOT_CERT_PROVIDER": "istiod",
            "PILOT_ENABLE_ALPN_FILTER": "false",
            "PILOT_ENABLE_METADATA_EXCHANGE": "false",
            "ENABLE_LEADER_ELECTION": "false",
            "VALIDATION_WEBHOOK_CONFIG_NAME": _WEBHOOK,
            "INJECTION_WEBHOOK_CONFIG_NAME": "",
        },
    )
    # istiod puts its certificate there, tries it, and then asks for refusal when it cannot be reached.
    cluster.until("Istio's webhook", lambda: _hook(cluster).get("failurePolicy") == "Fail", seconds=90)


def start_gateway(cluster: Cluster) -> None:
    """The gateway that deployment/kubernetes expects: Service `istio-ingress`, label `istio=ingress`, and its
    certificate from the secret `hotel-booking-gateway`. It has no listeners before there is a Gateway."""
    cluster.apply(_ingress())
    token = cluster.kubectl(
        "create", "token", _INGRESS, "-n", _INGRESS, "--audience=istio-ca", "--duration=8h"
    )
    root = cluster.get("secrets", _SYSTEM, "istio-ca-secret")[0]["data"]["ca-cert.pem"]
    (cluster.folder / "istio-root.pem").write_bytes(base64.b64decode(root))
    (cluster.folder / "envoy.json").write_text(json.dumps(_bootstrap(cluster, token.stdout.strip())))
    cluster.world.start(
        "envoy",
        [
            cluster.program("envoy", "envoy"),
            *("-c", str(cluster.folder / "envoy.json"), "--concurrency", "1", "--log-level", "warning"),
            "--disable-hot-restart",
        ],
    )


def _namespace(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def _hook(cluster: Cluster) -> dict[str, Any]:
    found = cluster.get("validatingwebhookconfigurations", name=_WEBHOOK)
    hook: dict[str, Any] = found[0]["webhooks"][0] if found else {}
    return hook


def _webhook() -> dict[str, Any]:
    """As Istio's own chart has it, but reached by address: a Service leads nowhere from the API server
    here."""
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": _WEBHOOK, "labels": {"app": "istiod", "istio.io/rev": "default"}},
        "webhooks": [
            {
                "name": "rev.validation.istio.io",
                "clientConfig": {"url": "https://istiod.istio-system.svc:15017/validate"},
                "rules": [
                    {
                        "operations": ["CREATE", "UPDATE"],
                        "apiGroups": list(_GROUPS),
                        "apiVersions": ["*"],
                        "resources": ["*"],
                    }
                ],
                "failurePolicy": "Ignore",
                "sideEffects": "None",
                "admissionReviewVersions": ["v1"],
            }
        ],
    }


def _ingress() -> list[dict[str, Any]]:
    named = {"name": _INGRESS, "namespace": _INGRESS}
    ports = [{"name": "http2", "port": 80}, {"name": "https", "port": 443}]
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": named},
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "Role",
            "metadata": named,
            "rules": [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "watch", "list"]}],
        },
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": named,
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": _INGRESS},
            "subjects": [{"kind": "ServiceAccount", **named}],
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": named | {"labels": {"istio": "ingress"}},
            "spec": {"type": "NodePort", "ports": ports},
        },
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {
                "name": f"{_INGRESS}-1",
                "namespace": _INGRESS,
                "labels": {"kubernetes.io/service-name": _INGRESS},
            },
            "addressType": "IPv4",
            "endpoints": [{"addresses": [GATEWAY], "conditions": {"ready": True}}],
            "ports": [{**one, "protocol": "TCP"} for one in ports],
        },
    ]


def _bootstrap(cluster: Cluster, token: str) -> dict[str, Any]:
    ads: dict[str, Any] = {"ads": {}, "resource_api_version": "V3", "initial_fetch_timeout": "0s"}
    http2 = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
    tls = "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext"
    names = {"exact": "istiod.istio-system.svc"}
    trusted = {
        "trusted_ca": {"filename": str(cluster.folder / "istio-root.pem")},
        "match_typed_subject_alt_names": [{"san_type": "DNS", "matcher": names}],
    }
    address = {"socket_address": {"address": BRIDGE, "port_value": 15012}}
    return {
        "node": {
            "id": f"router~{GATEWAY}~{_INGRESS}-1.{_INGRESS}~{_INGRESS}.svc.cluster.local",
            "cluster": f"{_INGRESS}.{_INGRESS}",
            "metadata": {
                "NAMESPACE": _INGRESS,
                "NAME": f"{_INGRESS}-1",
                "SERVICE_ACCOUNT": _INGRESS,
                "LABELS": {"istio": "ingress"},
                "ISTIO_VERSION": "1.31.0",
                "CLUSTER_ID": "Kubernetes",
                "INSTANCE_IPS": GATEWAY,
                # CloudFront and the load balancer, as on AWS.
                "PROXY_CONFIG": {"gatewayTopology": {"numTrustedProxies": 2}},
            },
        },
        "admin": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": 15000}}},
        "dynamic_resources": {
            "ads_config": {
                "api_type": "DELTA_GRPC",
                "transport_api_version": "V3",
                "set_node_on_first_message_only": True,
                "grpc_services": [
                    {
                        "envoy_grpc": {"cluster_name": "xds-grpc"},
                        "initial_metadata": [{"key": "authorization", "value": f"Bearer {token}"}],
                    }
                ],
            },
            "lds_config": ads,
            "cds_config": ads,
        },
        "static_resources": {
            "clusters": [
                {
                    "name": "xds-grpc",
                    "type": "STATIC",
                    "connect_timeout": "2s",
                    "transport_socket": {
                        "name": "envoy.transport_sockets.tls",
                        "typed_config": {
                            "@type": f"type.googleapis.com/{tls}",
                            "sni": "istiod.istio-system.svc",
                            "common_tls_context": {"validation_context": trusted},
                        },
                    },
                    "typed_extension_protocol_options": {
                        http2: {
                            "@type": f"type.googleapis.com/{http2}",
                            "explicit_http_config": {"http2_protocol_options": {}},
                        }
                    },
                    "load_assignment": {
                        "cluster_name": "xds-grpc",
                        "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}],
                    },
                }
            ]
        },
    }
