"""Money, gateways and what Stripe says."""
