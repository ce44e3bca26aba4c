"""From an offer to a stay: quote, details, payment, and the booking afterwards."""
