"""Google's Lighthouse on the guests' site, in its mobile preset: `python -m benchmarks.lighthouse`.

Prints a table of the four categories, and below it every audit that is not perfect. Ends with 1 where a
score is below the project's line of 95 (on checkout SEO is not counted: those pages are noindex). Starts a
demo with data of its own, unless `--url` names one that runs. Lighthouse comes by npm at the first run.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

HERE = Path(__file__).parent
LINE = 95
CATEGORIES = ("performance", "accessibility", "best-practices", "seo")
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    " --disable-component-update --disable-sync"
)
GUEST = {"given_name": "Ana", "family_name": "Example", "email": "ana@example.com"}


@contextlib.contextmanager
def demo(url: str | None) -> Iterator[str]:
    """The address of a demo: the one named, or a fresh one for the time being."""
    if url is not None:
        yield url.rstrip("/")
        return
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        command = [str(Path(sys.executable).with_name("hotel-booking")), "demo", "--data-dir", folder]
        process = subprocess.Popen([*command, "--port", str(port)], stdout=subprocess.DEVNULL)  # noqa: S603  # ours
        try:
            address = f"http://localhost:{port}"
            for _ in range(240):
                with contextlib.suppress(httpx.TransportError):
                    if httpx.get(f"{address}/health/ready", trust_env=False).status_code == 200:
                        break
                time.sleep(0.5)
            yield address
        finally:
            process.terminate()
            process.wait(30)


def addresses(base: str) -> tuple[dict[str, str], str]:
    """The pages to look at, and the cookies of the visitor whose checkout it is."""
    same_origin = {"sec-fetch-site": "same-origin", "origin": base}
    with httpx.Client(base_url=base, headers=same_origin, trust_env=False, timeout=30) as client:
        home = client.get("/en/").text
        place = re.search(r'href="(/en/search\?[^"]*place=[^"]+)"', home)
        if place is None:
            sys.exit("the front page names no place")
        query = place[1].replace("&amp;", "&")
        if "arrival=" not in query:
            soon = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 30 * 86400))
            later = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 33 * 86400))
            query += f"&arrival={soon}&departure={later}"
        results = client.get(query).text
        hotel = re.search(r'href="(/en/hotels/[^"]+)"', results)
        if hotel is None:
            sys.exit(f"nothing is free: {query}")
        rooms = hotel[1].replace("&amp;", "&")
        page = client.get(rooms.split("#")[0]).text
        forms = re.findall(r'<form[^>]*action="/en/book"[^>]*>.*?</form>', page, re.DOTALL)
        paid_now = next((form for form in forms if 'value="NRF"' in form), forms[0])
        fields = re.findall(r'name="([^"]+)" value="([^"]*)"', paid_now)
        data: dict[str, list[str]] = {}
        for name, value in fields:
            data.setdefault(name, []).append(value)
        details = client.post("/en/book", data=data).headers["location"]
        other = client.post("/en/book", data=data).headers["location"]
        payment = client.post(other, data=GUEST).headers["location"]
        cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in client.cookies.jar)
    pages = {
        "home": "/en/",
        "results": query,
        "property": rooms.split("#")[0],
        "details": details,
        "payment": payment,
    }
    return {name: base + path for name, path in pages.items()}, cookies


def looked_at(address: str, cookies: str) -> dict[str, Any]:
    """Lighthouse's report of a page."""
    chromium = next(
        (
            path
            for name in ("chromium", "google-chrome", "chromium-headless-shell")
            if (path := shutil.which(name))
        ),
        "",
    )
    with tempfile.TemporaryDirectory() as profile:
        done = subprocess.run(  # noqa: S603  # no shell, and the addresses are ours
            [
                str(HERE / "node_modules" / ".bin" / "lighthouse"),
                address,
                "--quiet",
                "--output=json",
                "--output-path=stdout",
                f"--only-categories={','.join(CATEGORIES)}",
                f"--chrome-flags={FLAGS} --user-data-dir={profile}",
                "--extra-headers",
                json.dumps({"Cookie": cookies}),
            ],
            env={**os.environ, "CHROME_PATH": chromium},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
    if done.returncode:
        sys.exit(f"Lighthouse could not look at {address}: {done.stderr[-2000:]}")
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def main() -> int:
    """The table, and what could be better."""
    arguments = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    arguments.add_argument("--url", help="a demo that runs already")
    arguments.add_argument("--only", help="one page by its name")
    chosen = arguments.parse_args()
    if not (HERE / "node_modules" / ".bin" / "lighthouse").exists():
        subprocess.run(["npm", "ci", "--silent"], cwd=HERE, check=True)  # noqa: S607  # whichever npm there is
    low = False
    better: list[str] = []
    print(f"{'page':10}" + "".join(f"{name:>16}" for name in CATEGORIES))
    with demo(chosen.url) as base:
        pages, cookies = addresses(base)
        for name, address in pages.items():
            if chosen.only not in (None, name):
                continue
            report = looked_at(address, cookies if name in ("details", "payment") else "")
            scores = {key: round(report["categories"][key]["score"] * 100) for key in CATEGORIES}
            print(f"{name:10}" + "".join(f"{scores[key]:>16}" for key in CATEGORIES), flush=True)
            counted = CATEGORIES if name not in ("details", "payment") else CATEGORIES[:-1]
            low = low or any(scores[key] < LINE for key in counted)
            for audit in report["audits"].values():
                if audit.get("score") is not None and audit["score"] < 1:
                    items = (audit.get("details") or {}).get("items", [])
                    nodes = [
                        str((item.get("node") or {}).get("snippet") or item.get("url") or "")
                        for item in (items if isinstance(items, list) else [])[:3]
                        if isinstance(item, dict)
                    ]
                    shown = audit.get("displayValue") or ""
                    better.append(f"{name}: {audit['id']} {audit['score']} {shown} {' | '.join(nodes)[:300]}")
    print("\n".join(better))
    return 1 if low else 0


if __name__ == "__main__":
    sys.exit(main())
