"""What a depository says of the files of a data set: name, size, MD5 and address.

Zenodo answers ``/api/records/ID`` with ``files``, a list of ``key``, ``size``, ``checksum``
(``md5:..``) and ``links.self`` (developers.zenodo.org). figshare answers
``/v2/collections/ID/articles`` with a list of ``id``, and ``/v2/articles/ID/files`` with a list of
``name``, ``size``, ``computed_md5`` and ``download_url`` (docs.figshare.com). All this is written
after the documentation and after answers that others have published; it has been tried on servers
that answer so, and never on the real ones. The sums come from where the files come from: they tell
a file that is damaged, not a depository that lies.
"""

from __future__ import annotations

import json
import re
import urllib.parse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from einthoven.corpora._sums import MD5S, SUMS
from einthoven.record.errors import DataError

_MOST = 200 << 30  # bytes of all files; CODE-15%, the largest, has about 50 GB
_PAGE = 1000  # figshare's longest list
_STORE = "s3-eu-west-1.amazonaws.com"  # figshare's downloads are sent on to here
_NAME = re.compile(r"\w(?:[\w ,.()+=&@-]*[\w)+])?", re.ASCII)
_REPORT = "Try again later, or report this"


@dataclass(frozen=True)
class Deposited:
    """A file: `size` in bytes, `md5` hexadecimal, `address` on the depository's own host."""

    size: int
    md5: str
    address: str


def listing(address: str, read: Callable[[str], bytes]) -> dict[str, Deposited]:
    """Return file name -> what a depository says of it.

    Parameters
    ----------
    address : of a record of Zenodo, or of the articles of a collection of figshare.
    read : gives the answer of an address.

    Raises
    ------
    DataError : where an answer is no listing, or names what is not to be loaded.
    """
    home = ".".join((urllib.parse.urlsplit(address).hostname or "").split(".")[-2:])
    own = re.compile(rf"https://(?:[a-z0-9-]+\.)*{re.escape(home)}/[!-~]+")
    found: dict[str, Deposited] = {}
    try:
        for name, size, digest, place in (_figshare if home == "figshare.com" else _zenodo)(
            address, read
        ):
            ours = name in (SUMS, MD5S) or name.endswith(".part")
            if not _NAME.fullmatch(name) or ours:
                raise DataError(address, f"names a file {name!r}", _REPORT)
            if name in found:
                raise DataError(address, f"names {name} twice", _REPORT)
            if type(size) is not int or size < 0 or not re.fullmatch("[0-9a-f]{32}", digest):
                raise DataError(address, f"has no size and MD5 of {name}", _REPORT)
            if not own.fullmatch(place):
                fault = f"says that {name} lies at {place!r}, not at https://{home}"
                raise DataError(address, fault, _REPORT)
            found[name] = Deposited(size, digest, place)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise DataError(address, "answers with no listing of files", _REPORT) from None
    total = sum(file.size for file in found.values())
    if not found or total > _MOST:
        raise DataError(address, f"names {len(found)} files of {total} bytes", _REPORT)
    return found


def sends_on(old: str, new: str) -> bool:
    """Return whether the depository at host `old` keeps its files at host `new`."""
    return old.endswith(".figshare.com") and (new == _STORE or new.endswith(".figshare.com"))


def _zenodo(address: str, read: Callable[[str], bytes]) -> Iterator[tuple[Any, ...]]:
    for file in json.loads(read(address))["files"]:
        digest = file["checksum"].removeprefix("md5:")
        yield file["key"], file["size"], digest, file["links"]["self"]


def _figshare(address: str, read: Callable[[str], bytes]) -> Iterator[tuple[Any, ...]]:
    for article in _rows(address, read):
        if type(article["id"]) is not int:
            raise TypeError
        for file in _rows(f"https://api.figshare.com/v2/articles/{article['id']}/files", read):
            yield file["name"], file["size"], file["computed_md5"], file["download_url"]


def _rows(address: str, read: Callable[[str], bytes]) -> list[Any]:
    found = json.loads(read(f"{address}?page_size={_PAGE}"))
    if not isinstance(found, list):
        raise TypeError
    if len(found) >= _PAGE:  # a second page is never asked for
        raise DataError(address, f"names {_PAGE} entries or more", _REPORT)
    return found
