"""Inventory: room-nights, capacity, out-of-order blocks. Proves that no room is sold twice."""
