"""The page around a report: its style and its skeleton. Nothing is fetched, nothing is run."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape

STYLE = """
:root{color-scheme:light;--ink:#1b1b1b;--soft:#555;--line:#d7d9dd;--pale:#f5f6f8;--deep:#1f3a5f}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:#fff;color:var(--ink);
font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,Helvetica,Arial,sans-serif}
main,header.top,footer{max-width:1000px;margin:0 auto;padding:0 24px}
header.top{padding-top:28px}
.kind{margin:0;color:var(--soft);font-size:14px}
h1{margin:2px 0 4px;font-size:32px;line-height:1.15;letter-spacing:-.01em;overflow-wrap:anywhere}
h2{margin:44px 0 10px;padding-top:12px;border-top:2px solid var(--deep);font-size:21px;
line-height:1.25}
h3{margin:22px 0 6px;font-size:16px;line-height:1.35}
h4{margin:16px 0 4px;font-size:14px}
p{margin:6px 0 10px;max-width:75ch}
.where,.soft{color:var(--soft);font-size:14px;overflow-wrap:anywhere}
.mono{font-family:ui-monospace,Menlo,Consolas,monospace;font-size:12px;overflow-wrap:anywhere}
.note{max-width:none;margin:16px 0 0;padding:10px 14px;border:1px solid #b8860b;
border-left-width:6px;background:#fff9e8;font-size:15px}
.note strong{display:block}.note ul{margin:4px 0 0;padding-left:20px}
.refused{border-color:#9b1c1c;background:#fdf1f0;font-size:18px}
dl.key{display:grid;grid-template-columns:repeat(4,1fr);gap:0;margin:20px 0 0;
border:1px solid var(--line);border-radius:4px;overflow:hidden}
dl.key div{padding:10px 14px;box-shadow:1px 1px 0 0 var(--line)}
dl.key dt{color:var(--soft);font-size:13px}
dl.key dd{margin:0;font-size:22px;font-weight:650;line-height:1.25;
font-variant-numeric:tabular-nums}
td small,th small{display:block;color:var(--soft);font-size:12px;font-weight:400}
dl.key dd small{display:block;color:var(--soft);font-size:13px;font-weight:400}
table{border-collapse:collapse;width:100%;margin:8px 0 14px;font-size:15px;
font-variant-numeric:tabular-nums}
caption{text-align:left;color:var(--soft);font-size:14px;padding-bottom:4px}
th,td{padding:5px 12px 5px 0;border-bottom:1px solid var(--line);text-align:left;
vertical-align:top}
thead th{border-bottom:2px solid var(--line);font-size:13px;color:var(--soft);font-weight:600}
td.n,th.n{text-align:right}td.n{white-space:nowrap}
th.n+td,th.n+th,td.n+td{padding-left:14px}
table.facts th{width:30%;font-weight:600}
table.facts{font-size:14px}table.facts td{overflow-wrap:anywhere}
svg{display:block}
@media screen{svg{width:100%;height:auto}}
svg.half{width:100%;height:auto}
svg.bars{max-width:480px}
svg.bar{display:inline-block;width:145px;height:12px}
svg.sign{display:inline-block;width:13px;height:13px;margin-right:7px;vertical-align:-1px}
figure{margin:12px 0 22px}
figcaption{margin:0 0 4px;font-size:15px;font-weight:600}
figcaption span{color:var(--soft);font-weight:400}
.pair{display:grid;grid-template-columns:1fr 1fr;gap:28px}
.legend{font-size:14px;color:var(--soft)}
.legend b{display:inline-block;width:12px;height:12px;margin:0 5px 0 12px;vertical-align:-1px}
input.switch{position:absolute;opacity:0}
label.switch{position:sticky;top:8px;z-index:1;float:right;margin:-44px 0 8px;padding:3px 10px;
border:1px solid var(--line);border-radius:4px;background:#fff;font-size:14px;cursor:pointer}
label.switch::before{content:"\\2610\\00a0"}
input.switch:checked+label::before{content:"\\2611\\00a0"}
input.switch:focus-visible+label{outline:2px solid var(--deep)}
input.switch:not(:checked)~figure .waves{display:none}
ul.soft{margin:4px 0 10px;padding-left:20px}
footer{margin-top:48px;padding-bottom:40px;color:var(--soft);font-size:13px}
footer p{border-top:1px solid var(--line);padding-top:12px;max-width:none}
.print{display:none}
@media (max-width:640px){
main,header.top,footer{padding:0 16px}
h1{font-size:26px}h2{margin-top:36px;font-size:19px}
dl.key{grid-template-columns:1fr 1fr}dl.key div{padding:8px 12px}dl.key dd{font-size:19px}
.pair{grid-template-columns:1fr;gap:8px}
table{font-size:14px}th,td{padding-right:6px}thead th{font-size:12px}
th.n+td,th.n+th,td.n+td{padding-left:4px}
.many table{font-size:12px}.many thead th{font-size:11px}.many td,.many th{padding-right:2px}
svg.ecg text{font-size:58px}svg.ecg text.time{font-size:48px}svg.ecg .minor{display:none}
svg.ecg text.lead{font-size:56px;transform:translateY(20px)}svg.ecg .trace{stroke-width:5}
svg.ecg .major{stroke-width:3}
svg.ecg text.flag{font-size:28px}svg.ecg text.wave{font-size:40px}svg.ecg text.long{display:none}
svg.wide text{font-size:50px}svg.wide text.unit{font-size:40px}
svg.wide text.day,svg text.odd{display:none}
svg.half text{font-size:30px}
}
@page{size:A4;margin:12mm 12.5mm 14mm}
@page sheet{size:A4 landscape;margin:10mm}
@media print{
body{font-size:10pt;line-height:1.35}
main,header.top,footer{max-width:none;padding:0}
header.top{padding-top:0}
h1{font-size:20pt}h2{font-size:13pt;margin-top:8mm;break-after:avoid}
h3,h4,figcaption,caption{break-after:avoid}h3{font-size:11pt}
figcaption,p,table{font-size:9.5pt}.soft,.where,.kind,.legend,footer{font-size:8.5pt}
table.facts{font-size:8.5pt}
figure,tr,dl.key,.note,svg{break-inside:avoid}
thead{break-after:avoid}tbody tr:first-child{break-before:avoid}
table.short{break-inside:avoid}
dl.key dd{font-size:14pt}dl.key dt,td small{display:block;color:var(--soft);font-size:12px}
dl.key dd small{font-size:8.5pt}
dl.key div{padding:2mm 3mm}
.pair{gap:5mm}
.note{font-size:9.5pt}
.paper{break-before:page}.sheet{page:sheet}
.print{display:inline}.screen,label.switch{display:none}
a{color:inherit;text-decoration:none}
*{-webkit-print-color-adjust:exact;print-color-adjust:exact}
}
"""


# Control characters, halves of characters (from file names that are no UTF-8), and the marks that
# turn the direction of writing: a name must not reorder the words around it.
_UNSPEAKABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff\u202a-\u202e\u2066-\u2069]")


def page(title: str, header: str, body: str, footer: str) -> str:
    """Return the whole document; `header`, `body` and `footer` are HTML already."""
    document = (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        # Says to a browser what the page must never do, should a hostile name slip through.
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        '<meta name="robots" content="noindex"><link rel="icon" href="data:,">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>\n"
        f'<header class="top">{header}</header>\n<main>{body}</main>\n'
        f"<footer>{footer}</footer>\n</body></html>\n"
    )
    return _UNSPEAKABLE.sub("\ufffd", document)


def key(name: str, value: str, more: str = "") -> str:
    """Return one of the figures at the top."""
    small = f"<small>{escape(more)}</small>" if more else ""
    return f"<div><dt>{escape(name)}</dt><dd>{escape(value)}{small}</dd></div>"


def table(caption: str, head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """Return a table with headers; a column whose header ends in ``>`` holds numbers.

    Cells are HTML already; headers and caption are text.
    """
    kinds = ["n" if name.endswith(">") else "" for name in head]

    def attribute(kind: str) -> str:
        return f' class="{kind}"' if kind else ""

    top = "".join(
        f'<th scope="col"{attribute(k)}>{escape(n.rstrip(">"))}</th>'
        for n, k in zip(head, kinds, strict=True)
    )
    body = []
    for first, *rest in rows:
        cells = "".join(
            f"<td{attribute(k)}>{cell}</td>" for cell, k in zip(rest, kinds[1:], strict=True)
        )
        body.append(f'<tr><th scope="row">{first}</th>{cells}</tr>')
    # A short table is not torn apart on paper.
    short = ' class="short"' if len(rows) <= 8 else ""
    return (
        f"<table{short}><caption>{escape(caption)}</caption><thead><tr>{top}</tr></thead>"
        f"<tbody>{''.join(body)}</tbody></table>"
    )


def figure(picture: str, caption: str, more: str = "") -> str:
    """Return a picture with its caption above it."""
    words = f"{escape(caption)} <span>{escape(more)}</span>" if more else escape(caption)
    return f"<figure><figcaption>{words}</figcaption>{picture}</figure>"
