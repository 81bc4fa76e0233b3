"""How long `import einthoven` takes beside `import numpy`, each in fresh processes, interleaved."""

from __future__ import annotations

import statistics
import subprocess
import sys

_SCRIPT = "import time; t=time.perf_counter(); import {}; print(time.perf_counter()-t)"


def once(module: str) -> float:
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT.format(module)], capture_output=True, text=True, check=True
    )
    return float(done.stdout)


def main() -> None:
    modules = ("numpy", "einthoven", "einthoven.cli.analyze")
    times: dict[str, list[float]] = {m: [] for m in modules}
    for _ in range(9):
        for module in modules:
            times[module].append(once(module))
    base = statistics.median(times["numpy"])
    for module in modules:
        median = statistics.median(times[module])
        print(f"import {module:<24} {median * 1000:7.1f} ms  {median / base:5.2f} x numpy")


if __name__ == "__main__":
    main()
