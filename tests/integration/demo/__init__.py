"""The demo chain and the replay."""
