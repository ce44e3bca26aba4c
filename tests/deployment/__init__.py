"""deployment/, workflows and migrations. What needs a checker is marked `deploy`: `make check-deploy`."""
