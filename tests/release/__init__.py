"""Releases tried on the cluster of tests/cluster, under guests who book: `make check-release`."""
