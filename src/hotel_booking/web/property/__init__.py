"""A hotel's page: what it shows, its calendar of prices, and what search engines read of it."""
