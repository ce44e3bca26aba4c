"""Rate plans, nightly prices, restrictions, taxes and cancellation policies.

`pricing`, `restrictions` and `cancellation` are pure: they read no clock, no database and no settings.
"""
