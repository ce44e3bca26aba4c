"""Our own commands that need the database, as another process: here where the environment names it (or there
is no cluster), else in a pod that serves. What they need may be broken, and what runs here must go on."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import IO

from hotel_booking.core.setting_files import names_database
from hotel_booking.ops.colours.objects import ACTIVE
from hotel_booking.ops.kubectl import Kubectl
from hotel_booking.ops.refusals import Refused


class CommandRunner:
    """Runs `hotel-booking WORDS`; without a `kubectl` always here."""

    def __init__(self, kubectl: Kubectl | None, environ: Mapping[str, str]) -> None:
        self._kubectl, self._environ = kubectl, dict(environ)

    @property
    def here(self) -> bool:
        """Whether they run on this machine."""
        return self._kubectl is None or names_database(self._environ)

    def run(self, *words: str, seconds: float = 60) -> str:
        """What it prints. Raises a `Refused` with its last words where it fails, or does not end in time."""
        if self._kubectl is not None and not self.here:
            return self._kubectl.run(*self._in_a_pod(words), seconds=seconds).strip()
        return self._ended(words, seconds, None).strip()

    def save(self, file: IO[bytes], *words: str, seconds: float) -> None:
        """Write what it prints to a file, however much it is. Raises as `run`."""
        if self._kubectl is not None and not self.here:
            self._kubectl.save(file, *self._in_a_pod(words), seconds=seconds)
        else:
            self._ended(words, seconds, file)

    @staticmethod
    def _in_a_pod(words: Sequence[str]) -> list[str]:
        # Where no pod runs it is said soon.
        return ["exec", "--pod-running-timeout=5s", f"service/{ACTIVE}", "--", "hotel-booking", *words]

    def _ended(self, words: Sequence[str], seconds: float, file: IO[bytes] | None) -> str:
        try:
            done = subprocess.run(  # noqa: S603  # ourselves
                [sys.executable, "-P", "-c", "from hotel_booking.cli import main; main()", *words],
                env=self._environ,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if file is None else file,
                stderr=subprocess.PIPE,
                text=True,
                check=False,
                timeout=seconds,
            )
        except subprocess.TimeoutExpired:
            raise Refused(f"`hotel-booking {words[0]}` did not end within {seconds:.0f} s") from None
        if done.returncode:
            said = (done.stderr or done.stdout or "").strip().splitlines() or ["it said nothing"]
            problem = next((line for line in said if line.startswith("hotel-booking: ")), said[-1])
            raise Refused(problem.removeprefix("hotel-booking: ")[:300])
        return done.stdout or ""
