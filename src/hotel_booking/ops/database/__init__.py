"""What a PostgreSQL that serves needs from time to time: a look at it, and care that nobody waits for."""
