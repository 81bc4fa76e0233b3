"""`import einthoven` stays cheap."""

from __future__ import annotations

import subprocess
import sys

# Everything of ours that `import einthoven` may load. Nothing of anybody else's.
ALLOWED = {"einthoven", "einthoven._version"}

_SCRIPT = """
import sys
before = set(sys.modules)
import einthoven
print("\\n".join(sorted(set(sys.modules) - before)))
"""


def _run(script: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return done.stdout


def test_import_loads_only_the_listed_modules() -> None:
    standard = set(sys.stdlib_module_names)
    loaded = {m for m in _run(_SCRIPT).split() if m.partition(".")[0] not in standard}
    assert loaded == ALLOWED


def test_the_use_half_runs_without_the_lab_half() -> None:
    script = """
import sys
import einthoven, einthoven.cli
for name in einthoven.__all__:
    getattr(einthoven, name)
for name in ("analyze", "info", "convert", "stream", "demo", "models", "data"):
    einthoven.cli.load(name)
print(sorted({m.partition(".")[0] for m in sys.modules}
             & {"torch", "lightning", "sklearn", "pandas", "matplotlib", "onnx", "wfdb", "numba"}))
"""
    assert _run(script).strip() == "[]"


def test_the_public_names_are_there() -> None:
    import einthoven

    for name in einthoven.__all__:
        assert getattr(einthoven, name) is not None
    assert set(einthoven.__all__) == {
        "Findings", "Record", "__version__", "analyze", "load_model", "read",
    }  # fmt: skip
