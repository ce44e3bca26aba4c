"""The guest's account: into it, its pages, and who may get in."""
