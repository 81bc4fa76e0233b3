"""The cards of the models that answered, as HTML."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from einthoven.bundle import Card, load_model
from einthoven.record.errors import EinthovenError

_TASKS = {
    "peaks": "finds R peaks", "beat": "classifies beats", "rhythm": "names the rhythm",
    "waves": "delineates waves", "diagnosis": "names diagnoses",
}  # fmt: skip
_MOST = 60  # figures a card may show


def cards_html(models: tuple[dict[str, str], ...]) -> str:
    """Return a section for each model; of one that is no longer there, its name and checksum."""
    if not models:
        return "<p>No model answered: the beats stand as they were found, without a class.</p>"
    return "".join(_card(model) for model in models)


def _card(model: Mapping[str, str]) -> str:
    name, task = str(model.get("name", "?")), str(model.get("task", ""))
    head = (
        f"<h3>{escape(name)}</h3><p>{escape(_TASKS.get(task, task)).capitalize()}. "
        f'<span class="mono">SHA-256 {escape(str(model.get("sha256", "?")))}</span></p>'
    )
    try:
        bundle = load_model(str(model.get("path", name)))
        if bundle.sha256 != model.get("sha256"):
            return head + "<p>Its card is not at hand.</p>"
        card = bundle.card
    except EinthovenError:
        return head + "<p>Its card is not at hand.</p>"
    return head + _facts(card) + _figures(card)


def _facts(card: Card) -> str:
    rows = [
        ("Title", card.title),
        ("Classes", " ".join(card.classes)),
        ("Trained on", "; ".join(f"{k}: {_short(v)}" for k, v in card.data.items())),
        ("Protocol", card.protocol),
        ("Profiles measured", ", ".join(card.profiles)),
        ("Uncertain below", f"probability {card.threshold:.2f}" if card.threshold else ""),
        ("Paper", card.paper),
        ("Licence", card.licence),
    ]
    body = "".join(
        f'<tr><th scope="row">{escape(k)}</th><td>{escape(str(v))}</td></tr>' for k, v in rows if v
    )
    limits = "".join(f"<li>{escape(text)}</li>" for text in card.limits)
    return f'<table class="facts"><tbody>{body}</tbody></table>' + (
        f"<h4>Limits</h4><ul>{limits}</ul>" if limits else ""
    )


def _short(value: Any) -> str:
    """Return a value of the card in a few words; long lists by their length."""
    if isinstance(value, Mapping):
        return ", ".join(f"{k} {_short(v)}" for k, v in value.items())
    if isinstance(value, list | tuple):
        words = " ".join(str(v) for v in value)
        return words if len(words) <= 160 else f"{len(value)} items"
    return f"{value:,.4g}" if isinstance(value, float) else str(value)


def _figures(card: Card) -> str:
    rows = list(_flat(card.figures, ""))
    if not rows:
        return ""
    body = "".join(
        f'<tr><th scope="row">{escape(k)}</th><td>{escape(v)}</td></tr>' for k, v in rows[:_MOST]
    )
    more = f"<p>{len(rows) - _MOST} more stand on the card.</p>" if len(rows) > _MOST else ""
    return (
        '<h4>Figures</h4><table class="facts figures"><thead><tr><th scope="col">Measured</th>'
        f'<th scope="col">Value</th></tr></thead><tbody>{body}</tbody></table>{more}'
    )


def _flat(values: Mapping[str, Any], before: str) -> Iterator[tuple[str, str]]:
    """Give ``(path, value)`` of nested figures; a list of two numbers is an interval."""
    for key, value in values.items():
        path = f"{before} \u203a {key}" if before else str(key)
        if isinstance(value, Mapping):
            yield from _flat(value, path)
        elif isinstance(value, list | tuple) and len(value) == 2:
            yield path, f"{_short(value[0])} to {_short(value[1])}"
        else:
            yield path, _short(value)
