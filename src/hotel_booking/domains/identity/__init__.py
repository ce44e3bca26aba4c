"""Who is calling, and what they may do: staff with their roles, and API keys."""
