"""Exchange rates: for comparing and adding up across currencies, never for charging. Where they come from,
which are believed, and how amounts are compared where some have none."""
