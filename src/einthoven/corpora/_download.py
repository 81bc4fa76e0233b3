"""Loading a corpus from its publisher: resumed, bounded, verified, and nothing outside its folder.

A file is written beside its place as ``NAME.part`` and renamed once its checksum is the
publisher's, so a file under its own name is always whole. Whatever a server does, the end is a
verified file or one sentence.
"""

from __future__ import annotations

import http.client
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from einthoven._version import __version__
from einthoven.corpora._archives import ENDINGS, inside, unpack
from einthoven.corpora._corpus import Corpus
from einthoven.corpora._deposits import listing, sends_on
from einthoven.corpora._sums import MD5S, SUMS, has_sum, read_sums
from einthoven.formats._replace import writing
from einthoven.record.errors import DataError

_SUMS_BYTES = 64 << 20  # the CinC Challenge 2021 lists 176,506 files
_ANSWER, _ANSWER_BYTES = ".listing.json", 16 << 20
_PIECE = 1 << 16
_SLACK = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long to bear with a server.

    Attributes
    ----------
    timeout : seconds without a byte, or with less than `trickle` bytes, that count as a stall.
    trickle : bytes.
    attempts : tries of a file that bring no byte more, before giving up.
    pause : seconds before the second try; doubled each time, at most 30.
    """

    timeout: float = 30.0
    trickle: int = 1024
    attempts: int = 5
    pause: float = 1.0


class _Refused(Exception):
    """The server answered, and asking again will not help."""


class _SameHost(urllib.request.HTTPRedirectHandler):
    """Follows a redirection only where the file stays with the publisher."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str,
        headers: http.client.HTTPMessage, newurl: str,
    ) -> urllib.request.Request | None:  # fmt: skip
        old, new = urllib.parse.urlsplit(req.full_url), urllib.parse.urlsplit(newurl)
        away = old.hostname != new.hostname and not sends_on(old.hostname or "", new.hostname or "")
        if away or (old.scheme, new.scheme) == ("https", "http"):
            raise _Refused(f"it sends on to {new.scheme}://{new.hostname}")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def download(
    corpus: Corpus,
    *,
    mirror: str | None = None,
    patience: Patience | None = None,
    progress: Callable[[str, int], None] = lambda _name, _bytes: None,
    force: bool = False,
) -> tuple[str, ...]:
    """Load the publisher's files into the corpus's folder; return the names of those loaded.

    Files that are there already with the right checksum are left alone, and half-loaded ones are
    gone on with. Archives of a deposit are unpacked, and kept for `check`.

    Parameters
    ----------
    mirror : where the files lie, if not at ``corpus.facts.base_url``; of a deposit, what answers
        in place of all of the depository's hosts.
    progress : called with a file's name and the bytes that it now has more (or fewer, if a
        server makes us begin anew).
    force : replace a file that differs from the publisher's.

    Raises
    ------
    DataError : where a file cannot be had whole.
    """
    facts = corpus.facts
    base = mirror or facts.base_url or facts.deposit
    if not base:
        by_hand = facts.by_hand
        fault = "is published as archives whose checksums are not known here"
        raise DataError(
            corpus.name, fault if by_hand else "has no files to load", by_hand or "Open it as it is"
        )
    base = base if base.endswith("/") else base + "/"
    if urllib.parse.urlsplit(base).scheme not in ("http", "https"):
        raise DataError(base, "is no web address", "Give one that begins with https://")
    corpus.folder.mkdir(parents=True, exist_ok=True)
    fetch = _Fetch(corpus.folder, base, patience or Patience(), progress)
    # Checksums that are here stay: what is gone on with must be what was begun.
    sizes: dict[str, int] = {}
    if facts.deposit:
        sizes = _listed(facts.deposit, fetch, mirrored=mirror is not None, force=force)
    elif force or not fetch.place(SUMS).is_file():
        fetch.get(SUMS, None, _SUMS_BYTES)
    sums = read_sums(corpus.folder)
    names = corpus.files()
    for name in names:
        if name not in sums:
            fetch.place(SUMS).unlink()
            raise DataError(
                base + SUMS, f"has no checksum of {name}", "Check the address, or report this"
            )
    loaded = []
    # No file can be larger than the publisher's whole data set, whatever its server says.
    limit = facts.size + facts.size // 10 + _SLACK
    for name in names:
        path = fetch.place(name)
        if path.is_file():
            if has_sum(path, sums[name]):
                progress(name, path.stat().st_size)
                continue
            if not force:
                raise DataError(path, "differs from the publisher's", "Give --force to replace it")
        size = sizes.get(name)
        fetch.get(name, sums[name], limit if size is None else size, least=size or 0)
        loaded.append(name)
    for name in names:
        if facts.deposit and name.endswith(ENDINGS):
            unpack(fetch.place(name), spare=(*names, MD5S), force=force)
    return tuple(loaded)


def _listed(deposit: str, fetch: _Fetch, *, mirrored: bool, force: bool) -> dict[str, int]:
    """Load a depository's listing and keep its checksums; return the sizes of the files."""

    def moved(address: str) -> str:
        return fetch.base + address.split("/", 3)[3] if mirrored else address

    held = read_sums(fetch.folder)
    if held and not force and all(fetch.place(name).is_file() for name in held):
        return {}
    found = listing(deposit, lambda address: fetch.answer(moved(address)))
    said = {name: file.md5 for name, file in found.items()}
    if held and held != said and not force:
        fault = f"has other files now than {fetch.place(MD5S)} says"
        raise DataError(deposit, fault, "Give --force to load them")
    with writing(fetch.place(MD5S)) as file:
        file.write("".join(f"{digest}  {name}\n" for name, digest in said.items()).encode())
    fetch.addresses = {name: moved(file.address) for name, file in found.items()}
    return {name: file.size for name, file in found.items()}


class _Fetch:
    """Gets single files into one folder, from below `base` or from an address of their own."""

    def __init__(
        self, folder: Path, base: str, patience: Patience, progress: Callable[[str, int], None]
    ) -> None:
        self.folder, self.base, self.patience, self.progress = folder, base, patience, progress
        self.addresses: dict[str, str] = {}
        self.opener = urllib.request.build_opener(_SameHost())
        self.opener.addheaders = [("User-Agent", f"einthoven/{__version__}")]

    def place(self, name: str) -> Path:
        """Return where a file goes; a name that leads out of the folder is refused."""
        return inside(self.folder, name)

    def address(self, name: str) -> str:
        """Return where a file is loaded from."""
        return self.addresses.get(name) or self.base + urllib.parse.quote(name)

    def answer(self, address: str) -> bytes:
        """Return what a server answers, a few megabytes at the most."""
        self.addresses[_ANSWER] = address
        self.get(_ANSWER, None, _ANSWER_BYTES)
        path = self.place(_ANSWER)
        found = path.read_bytes()
        path.unlink()
        return found

    def get(self, name: str, digest: str | None, limit: int, least: int = 0) -> None:
        """Load one file of `least` to `limit` bytes; verify it where `digest` is known."""
        path = self.place(name)
        part = self.place(name + ".part")
        part.parent.mkdir(parents=True, exist_ok=True)
        if digest is None:
            part.unlink(missing_ok=True)  # cannot be verified, so is never gone on with
        had = part.stat().st_size if part.is_file() else 0
        self.progress(name, had)
        fruitless, reason, best = 0, "", had
        while fruitless < self.patience.attempts:
            if fruitless:
                time.sleep(min(30.0, self.patience.pause * 2 ** (fruitless - 1)))
            try:
                whole = self._append(name, part, limit)
            except _Refused as fault:
                raise DataError(
                    self.address(name),
                    f"cannot be had: {fault}",
                    "Try again later, or load it by hand",
                ) from None
            except (OSError, http.client.HTTPException) as fault:
                whole, reason = False, str(fault) or type(fault).__name__
            size = part.stat().st_size if part.is_file() else 0
            if whole and size >= least and (digest is None or has_sum(part, digest)):
                part.replace(path)
                return
            if whole:
                reason = "its bytes have not the publisher's checksum or size"
                part.unlink(missing_ok=True)
                self.progress(name, -size)
            # Bytes gained are a reason to go on for as long as there are any.
            fruitless = 0 if size > best and not whole else fruitless + 1
            best = max(best, size)
        raise DataError(
            self.address(name), f"cannot be had: {reason or 'the connection ends too early'}",
            f"Try again; {part.name} is gone on with where it is sound",
        )  # fmt: skip

    def _append(self, name: str, part: Path, limit: int) -> bool:
        """Load what `part` lacks; return whether the server says that this was all."""
        have = part.stat().st_size if part.is_file() else 0
        request = urllib.request.Request(self.address(name))  # noqa: S310 - checked in download
        if have:
            request.add_header("Range", f"bytes={have}-")
        try:
            answer = self.opener.open(request, timeout=self.patience.timeout)
        except urllib.error.HTTPError as fault:
            fault.close()
            if fault.code == 416:  # nothing lies beyond what we have
                return True
            if fault.code in (408, 425, 429) or fault.code >= 500:
                raise OSError(f"the server answers {fault.code}") from None
            raise _Refused(f"the server answers {fault.code} {fault.reason}") from None
        with answer:
            if answer.status not in (200, 206):  # 202 asks for patience, and brings no file
                raise OSError(f"the server answers {answer.status}")
            if have and not _continues(answer, have):
                self.progress(name, -have)
                have = 0
            length = answer.headers.get("Content-Length", "")
            promised = int(length) if length.isdecimal() else None
            if have + (promised or 0) > limit:
                raise _Refused(f"it is said to have {have + (promised or 0)} bytes, above {limit}")
            with part.open("ab" if have else "wb") as file:
                got = self._pour(name, answer, file, limit - have)
        return promised is None or got == promised

    def _pour(self, name: str, answer: Any, file: IO[bytes], limit: int) -> int:
        """Copy the answer into `file`; return how many bytes came."""
        got, mark, since = 0, 0, time.monotonic()
        while piece := answer.read1(_PIECE):
            got += len(piece)
            if got > limit:
                raise _Refused("more bytes come than there can be")
            file.write(piece)
            self.progress(name, len(piece))
            now = time.monotonic()
            if got - mark >= self.patience.trickle:
                mark, since = got, now
            elif now - since > self.patience.timeout:
                raise OSError("the server only trickles")
        return got


def _continues(answer: Any, have: int) -> bool:
    """Return whether the answer goes on after the `have` bytes we hold."""
    span = re.match(r"bytes (\d+)-", answer.headers.get("Content-Range", ""))
    return answer.status == 206 and span is not None and int(span[1]) == have
