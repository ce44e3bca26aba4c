"""Guests: who stays, and how to reach them."""
