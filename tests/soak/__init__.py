"""Half an hour of guests while everything that can fail fails: `make soak`."""
