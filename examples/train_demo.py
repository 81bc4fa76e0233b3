"""Train the `demo` recipe on simulated hearts, judge it, and read what the run holds.

    python examples/train_demo.py [FOLDER [--set KEY=VALUE]...]

About a minute on two cores; needs `pip install 'einthoven[train]'`.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path


def main(folder: str = "runs/demo", *flags: str) -> None:
    command = [sys.executable, "-m", "einthoven", "train", "demo", "--run", folder, *flags]
    subprocess.run(command, check=True)  # noqa: S603
    for file in sorted(Path(folder).iterdir()):
        print(f"{file.stat().st_size:>9,}  {file.name}")
    print(json.dumps(json.loads((Path(folder) / "metrics.json").read_text()), indent=1)[:800])


if __name__ == "__main__":
    main(*sys.argv[1:])
