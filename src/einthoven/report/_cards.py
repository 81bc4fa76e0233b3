"""The cards of the models that answered, as HTML."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from einthoven.bundle import Card, load_model
from einthoven.record.errors import EinthovenError
from einthoven.report._classes import ordered
from einthoven.report._page import table

_TASKS = {
    "peaks": "Finds R peaks", "beat": "Classifies beats", "rhythm": "Names the rhythm",
    "waves": "Delineates waves", "diagnosis": "Names diagnoses",
}  # fmt: skip
_MOST = 60  # figures a card may show
_WHOLE = {"accuracy": "accuracy", "macro_f1": "macro F1", "macro_auroc": "macro AUROC"}
_COLUMNS = {
    "beats": "Beats", "positives": "With it", "sensitivity": "Sensitivity",
    "predictivity": "Predictivity", "f1": "F1", "auroc": "AUROC",
}  # fmt: skip


def cards_html(models: tuple[dict[str, str], ...]) -> str:
    """Return a section for each model; of one that is no longer there, its name and checksum."""
    if not models:
        return "<p>No model answered: the beats stand as they were found, without a class.</p>"
    return "".join(_card(model) for model in models)


def _card(model: Mapping[str, str]) -> str:
    name, task = str(model.get("name", "?")), str(model.get("task", ""))
    head = (
        f"<h3>{escape(name)}</h3><p>{escape(_TASKS.get(task, task))}. "
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
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return f"{value:,.4g}" if isinstance(value, float) else str(value)


def _figures(card: Card) -> str:
    """Return the card's figures: a table of classes for each test set, a list of all else."""
    out = [_by_class(where, part) for where, part in _test_sets(card.figures, "")]
    rows = list(_flat(_without_sets(card.figures), ""))
    if rows:
        body = "".join(
            f'<tr><th scope="row">{escape(k)}</th><td>{escape(v)}</td></tr>'
            for k, v in rows[:_MOST]
        )
        more = f"<p>{len(rows) - _MOST} more stand on the card.</p>" if len(rows) > _MOST else ""
        out.append(
            '<table class="facts figures"><thead><tr><th scope="col">Measured</th>'
            f'<th scope="col">Value</th></tr></thead><tbody>{body}</tbody></table>{more}'
        )
    return f"<h4>Figures</h4>{''.join(out)}" if out else ""


def _is_set(value: Any) -> bool:
    return isinstance(value, Mapping) and isinstance(value.get("classes"), Mapping)


def _test_sets(values: Mapping[str, Any], before: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Give ``(path, figures)`` of everything that holds figures of each class."""
    for key, value in values.items():
        if isinstance(value, Mapping) and key != "classes":
            path = f"{before}, {key}" if before else str(key)
            if _is_set(value):
                yield path, value
            yield from _test_sets(value, path)


def _without_sets(values: Mapping[str, Any]) -> dict[str, Any]:
    out = {}
    for key, value in values.items():
        if isinstance(value, Mapping) and not _is_set(value):
            out[key] = dict(value) if _interval(value) else _without_sets(value)
        elif not isinstance(value, Mapping):
            out[key] = value
    return {k: v for k, v in out.items() if v != {}}


def _interval(value: Any) -> tuple[float, float] | None:
    """Return the interval of a figure ``{"value": ..., "interval...": [low, high]}``."""
    if isinstance(value, Mapping) and "value" in value:
        for key, pair in value.items():
            if key.startswith("interval") and isinstance(pair, list | tuple) and len(pair) == 2:
                return pair[0], pair[1]
    return None


def _figure(value: Any) -> str:
    """Return a figure as HTML, its interval in small print."""
    if not isinstance(value, Mapping):
        return escape(_short(value)) if value is not None else ""
    pair, middle = _interval(value), value.get("value")
    words = f"{middle:.3f}" if isinstance(middle, float) else escape(_short(middle))
    if pair and all(isinstance(p, float | int) for p in pair):
        words += f"<small>{pair[0]:.3f} to {pair[1]:.3f}</small>"
    return words


def _by_class(where: str, part: Mapping[str, Any]) -> str:
    """Return one test set: a row a class, and what is said of all in the caption."""
    # In the order of the report's other tables.
    classes = {k: v for k, v in part["classes"].items() if isinstance(v, Mapping)}
    columns = [k for k in _COLUMNS if any(k in one for one in classes.values())]
    rows = [
        (escape(name), *(_figure(classes[name].get(k)) for k in columns))
        for name in ordered(classes)
    ]
    whole = [f"{words} {_plain(part[key])}" for key, words in _WHOLE.items() if key in part]
    caption = ": ".join((where, ", ".join(whole))) if whole else where
    heads = (f"{_COLUMNS[k]}>" for k in columns)
    return table(caption, ("Class", *heads), rows)


def _plain(value: Any) -> str:
    pair = _interval(value)
    if pair is None or not isinstance(value, Mapping):
        return _short(value)
    return f"{_short(value['value'])} ({_short(pair[0])} to {_short(pair[1])})"


def _flat(values: Mapping[str, Any], before: str) -> Iterator[tuple[str, str]]:
    """Give ``(path, value)`` of nested figures; a list of two numbers is an interval."""
    for key, value in values.items():
        path = f"{before} \u203a {key}" if before else str(key)
        if _interval(value):
            yield path, _plain(value)
        elif isinstance(value, Mapping):
            yield from _flat(value, path)
        elif isinstance(value, list | tuple) and len(value) == 2:
            yield path, f"{_short(value[0])} to {_short(value[1])}"
        else:
            yield path, _short(value)
