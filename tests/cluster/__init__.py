"""A real Kubernetes control plane for the tests and for a person to look at; only the kubelet and the cloud
are doubles (docs/decisions/0068-cluster.md)."""
