"""Messages to guests and staff: an outbox in the transaction that they tell of, templates, delivery."""
