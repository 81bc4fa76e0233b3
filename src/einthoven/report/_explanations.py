"""What the suite of explanations found, as the product reads it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def tested(results: Mapping[str, Any]) -> str:
    """Return the text of ``explain/tested.json``, from ``results/explanations.json``.

    A model stands on some lines, each of its methods on one, so that a change can be read.
    """
    parts = []
    for model, entry in results["tested"].items():
        head = f'  "default": {json.dumps(entry["default"])},\n' if "default" in entry else ""
        methods = ",\n".join(
            f"   {json.dumps(name)}: {json.dumps(found, ensure_ascii=False)}"
            for name, found in entry["methods"].items()
        )
        parts.append(f' {json.dumps(model)}: {{\n{head}  "methods": {{\n{methods}\n  }}\n }}')
    return "{\n" + ",\n".join(parts) + "\n}\n"
