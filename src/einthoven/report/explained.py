"""The page that holds the methods of explanation beside each other, on one answer of one model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from einthoven._version import __version__
from einthoven.explain import picture
from einthoven.explain._explainer import EXPLAINERS
from einthoven.explain._item import Fidelity
from einthoven.explain._words import spoken
from einthoven.record.attribution import Attribution
from einthoven.record.explanation import Explanation
from einthoven.record.source import Source
from einthoven.report._page import figure, key, page, table
from einthoven.signal.paper import Mark
from einthoven.signal.tinted_paper import AGAINST, FOR, signed

DISCLAIMER = "Research software, not a medical device. A professional must confirm every answer."
_LISTED = 40  # numbers of a method
LEGEND = (
    f'<p class="legend"><b style="background:{FOR};margin-left:0"></b>speaks for the class '
    f'<b style="background:{AGAINST}"></b>speaks against it. Below each lead the same as a '
    "profile: above its line for, below it against. The strongest of each picture has the "
    "strongest colour. TP is all that is no wave of this beat, other beats in view among it.</p>"
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Seen:
    """One explanation as the page shows it.

    Attributes
    ----------
    explanation : what was found.
    fidelity : how the answer follows it; None where that cannot be asked.
    seconds : what it took.
    """

    explanation: Explanation
    fidelity: Fidelity | None
    seconds: float


def page_html(source: Source, seen: Sequence[Seen], marks: Sequence[Mark] = ()) -> str:
    """Return one offline HTML document that compares explanations of the same answer.

    Parameters
    ----------
    source : the recording; the signal that is explained is read from it now.
    seen : a method each, one at least, all of one model, item and class.
    marks : ``(sample, label, colour)`` of the beats.
    """
    first = seen[0].explanation.attribution
    title = f"{first.record}, {first.what}"
    header = (
        f'<p class="kind">ECG explanation</p><h1>{escape(title)}</h1>'
        f'<p class="where">What speaks for {escape(first.target)} in the eyes of the model '
        f"{escape(first.model)}.</p>"
        f'<div class="note" role="note"><strong>{escape(DISCLAIMER)}</strong>'
        "An explanation says what the model rests on, not what the heart does: a wrong answer can "
        "have a clear explanation.</div>"
    )
    keys = [
        key("Class", first.target, f"probability {spoken(first.probability)}"),
        key("Model", first.model),
        key(
            "Answer",
            ", ".join(seen[0].explanation.answer or ()) or "nothing found",
            "uncertain" if seen[0].explanation.uncertain else "",
        ),
        key("Methods", str(len(seen)), ", ".join(s.explanation.attribution.method for s in seen)),
    ]
    body = [f'<dl class="key">{"".join(keys)}</dl>']
    if len(seen) > 1:
        body.append(_compared(seen))
    body.append(LEGEND)
    body += [_one(source, s, marks) for s in seen]
    footer = f"<p>einthoven {escape(__version__)}. {escape(DISCLAIMER)}</p>"
    return page(f"ECG explanation: {title}", header, "".join(body), footer)


def explained_html(source: Source, found: Explanation, marks: Sequence[Mark] = ()) -> str:
    """Return sentence, doubt, picture and bars of one explanation as HTML without a head."""
    a = found.attribution
    said, _, doubt = found.words.partition(". Doubtful: ")
    out = f"<p><strong>{escape(a.target)} at {spoken(a.probability)}</strong>: {escape(said)}.</p>"
    if found.uncertain:
        out += (
            '<p class="note"><strong>Uncertain answer</strong>'
            f"{escape(found.uncertain[:1].upper() + found.uncertain[1:])}.</p>"
        )
    if doubt:
        out += (
            f'<p class="note"><strong>Doubtful</strong>{escape(doubt[:1].upper() + doubt[1:])}.</p>'
        )
    trace, bars = picture.trace(source, a, marks=marks), picture.bars(a)
    near = 'class="near"' in trace
    drawn = figure(trace, "", "25 mm/s, 10 mm/mV")
    if 'data-layout="sheet"' in trace:
        # On paper it lies on a page of its own, on its side.
        drawn = drawn.replace("<figure>", '<figure class="sheet">', 1)
    if not bars:
        return out + drawn
    bars = f"<figure>{bars}</figure>"
    # A short stretch leaves room beside it; a long one has its numbers below.
    return out + (f'<div class="pair">{drawn}{bars}</div>' if near else drawn + bars)


def _compared(seen: Sequence[Seen]) -> str:
    rows = []
    for s in seen:
        a = s.explanation.attribution
        said = escape(s.explanation.sentence.partition(". Doubtful: ")[0])
        mark = "doubtful" if a.doubt else "passed its tests"
        rows.append((
            (f'<a href="#{escape(a.method)}">{escape(a.method)}</a>'
            f"<small>{mark}</small>"),
            said, *_areas(s.fidelity), f"{1000 * s.seconds:,.0f}",
        ))  # fmt: skip
    words = (
        f"Mean probability of {seen[0].explanation.attribution.target} while parts are taken away "
        "(low is good) and put back (high is good), the most important first; small: in random "
        "order"
    )
    head = ("Method", "Rests on", "Taken away>", "Put back>", "ms>")
    return f"<h2>The methods beside each other</h2>{table(words, head, rows)}"


def _areas(found: Fidelity | None) -> tuple[str, str]:
    if found is None:
        return "not asked", "not asked"
    return (
        f"{found.deletion:.2f}<small>{found.random_deletion:.2f}</small>",
        f"{found.insertion:.2f}<small>{found.random_insertion:.2f}</small>",
    )


def _one(source: Source, seen: Seen, marks: Sequence[Mark]) -> str:
    a = seen.explanation.attribution
    entry = EXPLAINERS[a.method] if a.method in EXPLAINERS.names() else None
    title = entry.title if entry else a.method
    out = f'<h2 id="{escape(a.method)}">{escape(title)}</h2>'
    if entry:
        out += f'<p class="soft">{escape(a.method)}. {escape(entry.paper)}</p>'
    out += explained_html(source, seen.explanation, marks)
    found = seen.fidelity
    if found is not None:
        verdict = "better than" if found.better else "no better than"
        out += (
            f"<p>Its order of {found.parts} parts is {verdict} chance on this answer: taken away "
            f"{found.deletion:.2f} (chance {found.random_deletion:.2f}), put back "
            f"{found.insertion:.2f} (chance {found.random_insertion:.2f}).</p>"
        )
    return out + _numbers(a)


def _numbers(found: Attribution) -> str:
    order = sorted(found.measurements.items(), key=lambda item: -abs(item[1]))
    if not order and len(found.numbers) > picture.MOST:  # else the bars have said it
        order = sorted(found.numbers.items(), key=lambda item: -abs(item[1]))
    if not order:
        return ""
    rows = [(escape(name), signed(value)) for name, value in order[:_LISTED]]
    words = f"The {len(rows)} largest of {len(order)} numbers, {picture.UNIT_WORDS[found.unit]}"
    return table(words, ("Part", "Contribution>"), rows)
