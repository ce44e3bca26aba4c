"""The guests' site."""
