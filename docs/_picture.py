"""Takes the README's picture: the top of the report on the built-in record, in a browser.

Run ``python docs/_picture.py`` after a change to the report or to a default model. Needs Chromium.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

import einthoven
from einthoven.corpora import demo_record

PICTURE = Path(__file__).resolve().parent / "assets" / "report.png"
WIDTH, HEIGHT = 1080, 1385  # down to the measurements


def main() -> None:
    """Analyse, draw, photograph."""
    names = ("chromium", "chromium-browser", "google-chrome")
    browser = next(filter(None, map(shutil.which, names)))
    PICTURE.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "demo.html"
        einthoven.analyze(demo_record(), waves=True).to_html(report)
        command = [
            browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--no-first-run", "--disable-quic", f"--user-data-dir={folder}/browser",
            f"--window-size={WIDTH},{HEIGHT}", f"--screenshot={PICTURE}", report.as_uri(),
        ]  # fmt: skip
        subprocess.run(command, check=True, capture_output=True, timeout=120)  # noqa: S603


if __name__ == "__main__":
    main()
