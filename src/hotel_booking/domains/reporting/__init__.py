"""Figures about what the other domains did: occupancy, revenue, pace. Reads only."""
