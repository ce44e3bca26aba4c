"""Measurements that are run by hand: what each says and how it is run stands at its head."""
