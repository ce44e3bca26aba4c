"""Bookings: quote, hold, confirm, amend, cancel, and a stay's life to its check-out."""
