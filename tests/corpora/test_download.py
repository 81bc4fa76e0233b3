"""Loading from a publisher whose server misbehaves in every way that servers do."""

from __future__ import annotations

import dataclasses
import http.server
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from einthoven.corpora import check, open_corpus
from einthoven.corpora._download import Patience, download
from einthoven.corpora._sums import SUMS, read_sums
from einthoven.corpora.chapman import Chapman
from einthoven.corpora.mitdb import Mitdb
from einthoven.record import DataError

HASTE = Patience(timeout=0.8, attempts=3, pause=0.01)
RECORDS = ("100", "114")
VICTIM = "114.dat"


class Small(Mitdb):
    """mitdb with two records, so that a test takes a moment."""

    published = RECORDS


class Server(http.server.ThreadingHTTPServer):
    """Serves a folder; `misdeed` may answer a request for `VICTIM` in its own way."""

    daemon_threads = True
    folder: Path
    misdeed: Callable[[Handler, bytes, int], bool] | None = None
    ranges = True

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.folder = folder
        self.asked: Counter[str] = Counter()
        self.starts: list[int] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/"

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that has had enough is no fault here."""


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def log_message(self, *args: object) -> None:
        """Be quiet."""

    def head(self, code: int, length: int | None, start: int = 0, total: int = 0) -> None:
        self.send_response(code)
        if length is not None:
            self.send_header("Content-Length", str(length))
        if code == 206:
            self.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
        self.end_headers()

    def do_GET(self) -> None:
        name = self.path.lstrip("/")
        self.server.asked[name] += 1
        path = self.server.folder / name
        if not path.is_file():
            self.send_error(404)
            return
        data = path.read_bytes()
        asked = re.match(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start = int(asked[1]) if asked and self.server.ranges else 0
        if name == VICTIM:
            self.server.starts.append(start)
            if self.server.misdeed and self.server.misdeed(self, data, start):
                return
        if start > len(data) or (asked and start == len(data)):
            self.send_error(416)
            return
        self.head(206 if asked and self.server.ranges else 200, len(data) - start, start, len(data))
        self.wfile.write(data[start:])


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "*")
    root = open_corpus("mitdb").miniature(  # type: ignore[call-arg]
        tmp_path / "publisher", 5, records=RECORDS, seconds=20
    )
    with Server(root / "mitdb") as made:
        thread = threading.Thread(target=made.serve_forever, args=(0.01,))
        thread.start()
        yield made
        made.shutdown()
        thread.join()


def _load(server: Server, tmp_path: Path, **more: object) -> tuple[str, ...]:
    corpus = Small(tmp_path / "here")
    return download(corpus, mirror=server.url, patience=HASTE, **more)  # type: ignore[arg-type]


def _whole(server: Server, tmp_path: Path) -> None:
    here = tmp_path / "here" / "mitdb"
    for path in server.folder.iterdir():
        if path.name != "ANNOTATORS":
            assert (here / path.name).read_bytes() == path.read_bytes()
    assert not list(here.glob("*.part"))


def test_all_files_come_and_a_second_time_none(server: Server, tmp_path: Path) -> None:
    seen: Counter[str] = Counter()
    loaded = _load(server, tmp_path, progress=lambda name, size: seen.update({name: size}))
    assert len(loaded) == 1 + 3 * len(RECORDS)
    _whole(server, tmp_path)
    assert all(seen[name] == (server.folder / name).stat().st_size for name in loaded)
    asked = sum(server.asked.values())
    assert _load(server, tmp_path) == ()
    assert sum(server.asked.values()) == asked
    corpus = Small(tmp_path / "here")
    assert corpus.open("114").leads == ("V5", "MLII")
    found = check(corpus)
    assert (found.corrupt, found.missing) == ((), ())


def test_a_dropped_connection_is_gone_on_with(server: Server, tmp_path: Path) -> None:
    def drop(handler: Handler, data: bytes, start: int) -> bool:
        if len(server.starts) > 3:
            return False
        handler.head(206 if start else 200, len(data) - start, start, len(data))
        handler.wfile.write(data[start : start + 5000])
        return True

    server.misdeed = drop
    _load(server, tmp_path)
    _whole(server, tmp_path)
    assert server.starts == [0, 5000, 10000, 15000]


def test_a_run_that_was_killed_is_gone_on_with(server: Server, tmp_path: Path) -> None:
    here = tmp_path / "here" / "mitdb"
    here.mkdir(parents=True)
    (here / (VICTIM + ".part")).write_bytes((server.folder / VICTIM).read_bytes()[:7000])
    _load(server, tmp_path)
    _whole(server, tmp_path)
    assert server.starts == [7000]


def test_a_server_that_ignores_range_is_begun_anew(server: Server, tmp_path: Path) -> None:
    here = tmp_path / "here" / "mitdb"
    here.mkdir(parents=True)
    (here / (VICTIM + ".part")).write_bytes(b"x" * 7000)
    server.ranges = False
    _load(server, tmp_path)
    _whole(server, tmp_path)


def test_a_wrong_half_file_is_thrown_away(server: Server, tmp_path: Path) -> None:
    here = tmp_path / "here" / "mitdb"
    here.mkdir(parents=True)
    (here / (VICTIM + ".part")).write_bytes(b"x" * 7000)
    _load(server, tmp_path)
    _whole(server, tmp_path)
    assert server.starts == [7000, 0]


def test_a_half_file_that_is_whole_or_too_long_is_settled(server: Server, tmp_path: Path) -> None:
    here = tmp_path / "here" / "mitdb"
    here.mkdir(parents=True)
    data = (server.folder / VICTIM).read_bytes()
    (here / (VICTIM + ".part")).write_bytes(data)
    (here / "100.dat.part").write_bytes((server.folder / "100.dat").read_bytes() + b"more")
    _load(server, tmp_path)
    _whole(server, tmp_path)
    assert server.starts == [len(data)]


def test_a_server_that_stalls_once_is_borne_with(server: Server, tmp_path: Path) -> None:
    def stall(handler: Handler, data: bytes, start: int) -> bool:
        if len(server.starts) > 1:
            return False
        handler.head(200, len(data))
        handler.wfile.write(data[:6000])
        handler.wfile.flush()
        time.sleep(1.6)
        return True

    server.misdeed = stall
    _load(server, tmp_path)
    _whole(server, tmp_path)
    assert server.starts == [0, 6000]


def test_a_server_that_always_stalls_ends_in_one_sentence(server: Server, tmp_path: Path) -> None:
    def stall(handler: Handler, data: bytes, start: int) -> bool:
        handler.head(200, len(data))
        handler.wfile.flush()
        time.sleep(1.6)
        return True

    server.misdeed = stall
    begun = time.monotonic()
    with pytest.raises(DataError, match=r"114\.dat: cannot be had: .*timed out"):
        _load(server, tmp_path)
    assert time.monotonic() - begun < 10
    assert not (tmp_path / "here" / "mitdb" / VICTIM).exists()
    assert (tmp_path / "here" / "mitdb" / "100.dat").is_file()


def test_a_trickle_counts_as_a_stall(server: Server, tmp_path: Path) -> None:
    def trickle(handler: Handler, data: bytes, start: int) -> bool:
        if len(server.starts) > 1:
            return False
        handler.head(200, len(data))
        for k in range(40):
            handler.wfile.write(data[k : k + 1])
            handler.wfile.flush()
            time.sleep(0.05)
        return True

    server.misdeed = trickle
    _load(server, tmp_path)
    _whole(server, tmp_path)
    assert 0 < server.starts[1] < 40


@pytest.mark.parametrize("lie", [-5000, +5000, None])
def test_a_lie_about_the_length_never_gives_a_wrong_file(
    server: Server, tmp_path: Path, lie: int | None
) -> None:
    def lying(handler: Handler, data: bytes, start: int) -> bool:
        handler.head(200, None if lie is None else len(data) + lie)
        handler.wfile.write(data if lie is not None else data[:-5000])
        return True

    server.misdeed = lying
    if lie == 5000:  # more promised than there is: what came is whole, and known by its checksum
        server.misdeed = lambda h, d, s: s < len(d) and lying(h, d, s)
        _load(server, tmp_path)
        _whole(server, tmp_path)
        return
    with pytest.raises(DataError, match="not the publisher's checksum"):
        _load(server, tmp_path)
    assert not (tmp_path / "here" / "mitdb" / VICTIM).exists()


def test_corrupt_bytes_are_tried_again_and_then_refused(server: Server, tmp_path: Path) -> None:
    def corrupt(handler: Handler, data: bytes, start: int) -> bool:
        handler.head(200, len(data))
        handler.wfile.write(b"\0" + data[1:])
        return True

    server.misdeed = corrupt
    with pytest.raises(DataError, match="not the publisher's checksum"):
        _load(server, tmp_path)
    assert len(server.starts) == HASTE.attempts
    assert not (tmp_path / "here" / "mitdb" / VICTIM).exists()
    server.misdeed = None
    _load(server, tmp_path)
    _whole(server, tmp_path)


@pytest.mark.parametrize("declared", [True, False])
def test_a_flood_is_cut_off(
    server: Server, tmp_path: Path, declared: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def flood(handler: Handler, data: bytes, start: int) -> bool:
        handler.head(200, 10**15 if declared else None)
        for _ in range(64):
            handler.wfile.write(b"\0" * (1 << 16))
        return True

    monkeypatch.setattr("einthoven.corpora._download._SLACK", 200_000)
    monkeypatch.setattr(Small, "facts", dataclasses.replace(Mitdb.facts, size=100_000))
    server.misdeed = flood
    with pytest.raises(DataError, match="bytes"):
        _load(server, tmp_path)
    part = tmp_path / "here" / "mitdb" / (VICTIM + ".part")
    assert not part.exists() or part.stat().st_size <= 310_000


def test_errors_of_the_server_are_retried_or_told(server: Server, tmp_path: Path) -> None:
    def busy(handler: Handler, data: bytes, start: int) -> bool:
        if len(server.starts) > 2:
            return False
        handler.send_error(503)
        return True

    server.misdeed = busy
    _load(server, tmp_path)
    _whole(server, tmp_path)
    (server.folder / VICTIM).unlink()
    (tmp_path / "here" / "mitdb" / VICTIM).unlink()
    with pytest.raises(DataError, match="answers 404"):
        _load(server, tmp_path)
    assert server.asked[VICTIM] == 4


def test_a_redirection_to_another_host_is_refused(server: Server, tmp_path: Path) -> None:
    def away(handler: Handler, data: bytes, start: int) -> bool:
        handler.send_response(302)
        handler.send_header("Location", "http://localhost.invalid/114.dat")
        handler.end_headers()
        return True

    server.misdeed = away
    with pytest.raises(DataError, match=r"sends on to http://localhost\.invalid"):
        _load(server, tmp_path)


def test_a_file_that_differs_is_replaced_only_by_force(server: Server, tmp_path: Path) -> None:
    _load(server, tmp_path)
    mine = tmp_path / "here" / "mitdb" / VICTIM
    mine.write_bytes(b"mine")
    assert check(Small(tmp_path / "here")).corrupt == (VICTIM,)
    with pytest.raises(DataError, match="--force"):
        _load(server, tmp_path)
    assert mine.read_bytes() == b"mine"
    assert _load(server, tmp_path, force=True) == (VICTIM,)
    _whole(server, tmp_path)


def test_nothing_is_written_outside_the_folder(server: Server, tmp_path: Path) -> None:
    outside = tmp_path / "outside.txt"
    (tmp_path / "here" / "mitdb").mkdir(parents=True)
    (tmp_path / "here" / "mitdb" / VICTIM).symlink_to(outside)
    with pytest.raises(DataError, match="outside"):
        _load(server, tmp_path)
    assert not outside.exists()

    class Escaping(Small):
        def files(self) -> tuple[str, ...]:
            return ("../../escaped",)

    sums = server.folder / SUMS
    sums.write_text(sums.read_text() + "0" * 64 + " ../../escaped\n")
    with pytest.raises(DataError, match="outside"):
        download(Escaping(tmp_path / "there"), mirror=server.url, patience=HASTE)


def test_checksums_that_lack_a_file_are_refused_and_not_kept(
    server: Server, tmp_path: Path
) -> None:
    (server.folder / SUMS).write_text("nonsense\n")
    with pytest.raises(DataError, match="has no checksum of RECORDS"):
        _load(server, tmp_path)
    assert not (tmp_path / "here" / "mitdb" / SUMS).exists()


def test_what_cannot_be_loaded_says_so(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no files to load"):
        download(open_corpus("simulated", tmp_path))
    with pytest.raises(DataError, match="no web address"):
        download(open_corpus("mitdb", tmp_path), mirror="file:///etc/")
    by_hand = r"checksums are not known here\. Load Diagnostics\.xlsx and ECGDataDenoised\.zip"
    with pytest.raises(DataError, match=by_hand):
        download(Chapman(tmp_path, edition="original"))


def test_sums_are_read_in_both_spellings(tmp_path: Path) -> None:
    assert read_sums(tmp_path) == {}
    text = f"{'a' * 64} 100.dat\n{'B' * 64} *sub/x.hea\nshort 1.hea\n\n{'c' * 64}\n"
    (tmp_path / SUMS).write_text(text)
    assert read_sums(tmp_path) == {"100.dat": "a" * 64, "sub/x.hea": "b" * 64}
