"""The audit log: append-only, written by triggers, chained by hashes. Nothing stands below it."""
