"""Every example runs as it stands, on simulated data, in a folder of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from einthoven.bundle import zoo_names

EXAMPLES = Path(__file__).parent.parent.parent / "examples"
# What an example needs beyond the use half, and words that its output must hold.
EXPECTED = {
    "read_and_plot": (("matplotlib",), "drawn: ecg.png"),
    "analyze_file": ((), "report: report.html"),
    "stream_chunks": ((), "the same in large pieces: True"),
    "use_bundle": ((), "mean probability"),
    "compare_detectors": (("sleepecg",), "einthoven"),
    "train_demo": (("torch", "lightning"), "metrics.json"),
}
ARGUMENTS = {"train_demo": ["runs/demo", "--set", "optimiser.epochs=1"]}


def test_no_example_escapes_the_tests() -> None:
    assert {p.stem for p in EXAMPLES.glob("*.py")} == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_the_example_runs(name: str, tmp_path: Path) -> None:
    packages, words = EXPECTED[name]
    for package in packages:
        pytest.importorskip(package)
    assert zoo_names(), "no model is shipped"
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / f"{name}.py"), *ARGUMENTS.get(name, [])],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=500,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert words in done.stdout
