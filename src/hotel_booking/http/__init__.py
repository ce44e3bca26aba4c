"""What all HTTP surfaces share: authentication, limits, idempotency, errors, metrics."""
