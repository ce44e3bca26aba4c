"""Plans drawn from positions alone: hotels of a list, a hotel in its city."""
