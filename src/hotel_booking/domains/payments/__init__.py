"""Payments: the gateway Protocol, payments, refunds and the ledger."""
