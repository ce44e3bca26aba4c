"""The image's bill of materials: the Python packages in CycloneDX (cyclonedx-bom), and Debian's added.

    python3 sbom.py PYTHON.cdx.json VERSION REVISION > sbom.cdx.json

Run in the image that is shipped, by its base's Python: nothing but the standard library is there.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

_STATUS = Path("/var/lib/dpkg/status.d")  # packages of which only a part was taken
_FIELDS = "${Package}\t${Version}\t${Architecture}\t${db:Status-Abbrev}\n"


def debian_packages() -> Iterator[tuple[str, str, str]]:
    """Name, version and architecture of what dpkg says is installed, and of what was taken from packages."""
    told = subprocess.run(  # noqa: S603  # its arguments are constants
        ["/usr/bin/dpkg-query", "-W", "-f", _FIELDS], check=True, capture_output=True, text=True
    )
    for line in told.stdout.splitlines():
        name, version, architecture, status = line.split("\t")
        if status.startswith("ii"):
            yield name, version, architecture
    for record in sorted(_STATUS.glob("*")) if _STATUS.is_dir() else ():
        pairs = (line.split(": ", 1) for line in record.read_text().splitlines() if line[:1].isalpha())
        fields = dict(pair for pair in pairs if len(pair) == 2)
        yield fields["Package"], fields["Version"], fields["Architecture"]


def component(name: str, version: str, architecture: str) -> dict[str, Any]:
    """One package of Debian's, by the address that scanners know it by."""
    purl = f"pkg:deb/debian/{quote(name)}@{quote(version)}?arch={architecture}&distro=debian-12"
    return {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}


def main(python: str, version: str, revision: str) -> None:
    """Print the bill of all."""
    bill = json.loads(Path(python).read_text())
    bill["metadata"]["component"] = {
        "type": "container",
        "bom-ref": "hotel-booking-image",
        "name": "hotel-booking",
        "version": version,
        "properties": [{"name": "org.opencontainers.image.revision", "value": revision}],
    }
    bill["components"] += [component(*package) for package in debian_packages()]
    json.dump(bill, sys.stdout, indent=1, sort_keys=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
