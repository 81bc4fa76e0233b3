"""The table of systems: one row a paper, the published figure beside ours, or "not yet"."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from einthoven.report._markdown import table

_FILE = Path(__file__).with_name("systems.toml")
_WORDS = {
    "accuracy": "accuracy",
    "macro_f1": "macro F1",
    "j_kappa": "jk",
    "macro_sensitivity": "macro recall",
    "macro_predictivity": "macro precision",
}
NOT_YET = "not yet"

PARTS = {
    "main": "The five systems first to be rebuilt",
    "further": "Further systems",
    "related": "Systems they refer to",
}


def systems() -> dict[str, Any]:
    """Return the entries of ``systems.toml``: ``{"system": [...], "published": [...]}``."""
    return tomllib.loads(_FILE.read_text(encoding="utf-8"))


def rows(results: Mapping[str, Mapping[str, Any]]) -> list[dict[str, str]]:
    """Return one row a paper, ours filled in from the results.

    Parameters
    ----------
    results : content of each results file by its name, e.g. ``{"mitdb.json": {...}}``.
    """
    found = []
    for entry in systems()["system"]:
        ours = [_ours(item, results) for item in entry.get("ours", [])]
        told = [text for text in ours if text]
        found.append(
            {
                "part": entry["part"], "name": entry["name"], "paper": entry["paper"],
                "what": entry["what"], "published": entry["published"],
                "protocol": entry["protocol"], "caution": entry["caution"],
                "ours": "; ".join(told) or NOT_YET,
            }
        )  # fmt: skip
    return found


def _ours(item: Mapping[str, Any], results: Mapping[str, Mapping[str, Any]]) -> str:
    file = results.get(item["results"], {})
    if "figure" in item:
        found = file.get("figures", {}).get(item["table"], {}).get(item["figure"])
        found = found.get(item["of"]) if found and "of" in item else found
        return f"{item['label']}: {found['value']:.4f} ({item['protocol']})" if found else ""
    content = file.get("tables", {}).get(item["table"])
    if not content:
        return ""
    for system in content["systems"]:
        if (system["model"], system["variant"]) == (item["model"], item.get("variant", "")):
            figures = ", ".join(_figure(system, key) for key in item["figures"])
            leaky = ", leaky" if content["leaky"] else ""
            return f"{item['label']}: {figures} ({content['protocol']}{leaky})"
    return ""


def _figure(system: Mapping[str, Any], key: str) -> str:
    figures = system["figures"]
    if key in figures["classes"]:
        return f"F1 of {key} {figures['classes'][key]['f1']['mean']:.4f}"
    found = system[key] if key in system else figures[key]
    return f"{_WORDS.get(key, key)} {found['mean']:.4f}"


def short_table(results: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the table of the README."""
    body = [
        [f"{r['name']} ({r['paper']})", r["what"], _published(r), r["ours"]] for r in rows(results)
    ]
    return table(["system", "what it is", "published", "ours"], body)


def _published(row: Mapping[str, str]) -> str:
    if not row["published"]:
        return ""
    return f"{row['published']} ({row['protocol']})" if row["protocol"] else row["published"]


def page(results: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the page of systems, with what to know before comparing."""
    text = (
        "# Systems\n\n"
        "<!-- made by `make tables`; do not edit -->\n\n"
        "One row a paper, from `systems.toml` of the package and `results/*.json`. A published "
        "figure stands with its protocol as far as the abstract or the code tells it, a dash where "
        "neither gives one. *Leaky* marks a protocol that tests on subjects it trained on; figures "
        "of different protocols are never to be compared. In the published lists of mitdb, "
        "inter-patient, 201 (training side) and 202 (test side) are one person.\n"
    )
    every = rows(results)
    for part, title in PARTS.items():
        body = [
            [r["name"], r["paper"], r["what"], _published(r), r["ours"], r["caution"]]
            for r in every if r["part"] == part
        ]  # fmt: skip
        columns = ["system", "paper", "what it is", "published", "ours", "before comparing"]
        text += f"\n## {title}\n\n" + table(columns, body)
    return text
