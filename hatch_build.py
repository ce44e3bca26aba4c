"""Builds what of the package is compiled, with a compiler that comes from PyPI: nothing has to be installed,
and every machine makes the same of it."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_INDEX = Path("src/hotel_booking/domains/search/index")
_LIBRARY = "libstays.so"


class CompiledSearch(BuildHookInterface):  # type: ignore[type-arg]  # hatchling's, without types here
    """Makes `libstays.so` of the C files, beside them, for an editable installation and for a wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002  # as hatchling calls it
        """Before the package is put together."""
        folder = Path(self.root) / _INDEX
        files = sorted(folder.glob("*.[ch]"))
        source = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
        with tempfile.TemporaryDirectory() as scratch:
            made = Path(scratch) / _LIBRARY
            subprocess.run(  # noqa: S603  # our own compiler, of our own files
                [
                    *(sys.executable, "-m", "ziglang", "cc", "-shared", "-fPIC", "-O2", "-s", "-std=c11"),
                    # Numbers that were half written while they were read wrap around, and are not used.
                    *("-fwrapv", "-fno-sanitize=all"),
                    "-fno-math-errno",  # a root is an instruction, of two numbers at once
                    # For every processor of its kind: an image runs on others than the one that built it.
                    *("-mcpu=baseline", "-Wall", "-Wextra", "-Werror"),
                    f'-DSOURCE="{source}"',
                    *("-o", str(made), *(str(file) for file in files if file.suffix == ".c")),
                ],
                check=True,
                env={**os.environ, "ZIG_GLOBAL_CACHE_DIR": scratch, "ZIG_LOCAL_CACHE_DIR": scratch},
            )
            # Beside and then in place: a process may have the old one mapped.
            beside = folder / f".{_LIBRARY}"
            beside.write_bytes(made.read_bytes())
            beside.chmod(0o755)
            beside.replace(folder / _LIBRARY)
        build_data["pure_python"] = False
        build_data["infer_tag"] = True
