"""The bench: every figure a ratio against a limit that is measured in the same run (docs/BENCH.md)."""
