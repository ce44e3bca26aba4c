"""The release after this one: the same with a migration more, in a folder of its own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from hotel_booking.core import schema

NEXT = f"{int(schema.NEWEST) + 1:04}"
LATER = f"{int(schema.NEWEST) + 2:04}"
_SOURCE = Path(__file__).parents[2] / "src"
_MIGRATION = '''"""Phase: {phase}."""

from alembic import op

revision, down_revision, branch_labels, depends_on = "{revision}", "{before}", None, None
{serves}

def upgrade():
    op.execute("""{statement}""")
'''


class NextRelease:
    """Its source, as a folder for PYTHONPATH."""

    def __init__(self, source: Path) -> None:
        self.source = source

    @classmethod
    def made(cls, folder: Path, *, serves: str | None, statement: str) -> NextRelease:
        """One whose migration runs the statement; a contraction `serves` some, an expansion says nothing."""
        source = folder / "src"
        shutil.copytree(_SOURCE, source, ignore=shutil.ignore_patterns("__pycache__"))
        declare(source, serves=serves, statement=statement)
        return cls(source)

    def start(self, verb: str, url: str) -> subprocess.Popen[str]:
        """`hotel-booking VERB` of it, on a database."""
        return subprocess.Popen(
            [sys.executable, "-c", "from hotel_booking.cli import main; main()", verb],
            env={**os.environ, "PYTHONPATH": str(self.source), "DATABASE_URL": url},
            cwd=self.source,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def command(self, verb: str, url: str) -> subprocess.CompletedProcess[str]:
        """The same, until it has ended."""
        child = self.start(verb, url)
        out, err = child.communicate(timeout=120)
        return subprocess.CompletedProcess([verb], child.returncode, out, err)


def declare(source: Path, *, serves: str | None, statement: str) -> None:
    """Write the migration and the range that the release declares into its source."""
    package = source / "hotel_booking"
    (package / "migrations" / "versions" / f"{NEXT}_next.py").write_text(
        _MIGRATION.format(
            phase="expand" if serves is None else "contract",
            revision=NEXT,
            before=schema.NEWEST,
            serves=f'serves = "{serves}"\n' if serves else "",
            statement=statement,
        )
    )
    file = package / "core" / "schema.py"
    declared = (schema.OLDEST if serves is None else NEXT, NEXT, serves or schema.SERVES)
    line = "OLDEST, NEWEST, SERVES = " + ", ".join(f'"{one}"' for one in declared)
    file.write_text(re.sub("^OLDEST, NEWEST, SERVES = .*$", line, file.read_text(), flags=re.MULTILINE))
