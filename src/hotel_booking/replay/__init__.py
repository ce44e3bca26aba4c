"""Replay: real demand simulated day by day, through the services or over HTTP; and what came of it."""
