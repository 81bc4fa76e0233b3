"""Loading from depositories, Zenodo and figshare: their listings, and what they may not say."""

from __future__ import annotations

import hashlib
import http.server
import io
import json
import re
import tarfile
import threading
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from einthoven.corpora import Corpus, check, open_corpus
from einthoven.corpora._archives import unpack
from einthoven.corpora._deposits import Deposited, listing
from einthoven.corpora._download import Patience, _Refused, _SameHost, download
from einthoven.corpora.code15 import Code15
from einthoven.corpora.sph import Sph
from einthoven.record import DataError

HASTE = Patience(timeout=2, attempts=3, pause=0.01)
SOME = "0" * 32
ZENODO, FIGSHARE = Code15.facts.deposit, Sph.facts.deposit


def _zenodo(files: dict[str, bytes]) -> dict[str, bytes]:
    """Return path -> answer, as Zenodo gives them."""
    rows = [
        {
            "key": name, "size": len(data), "checksum": f"md5:{hashlib.md5(data).hexdigest()}",
            "links": {"self": f"https://zenodo.org/api/records/4916206/files/{name}/content"},
        }
        for name, data in files.items()
    ]  # fmt: skip
    found = {f"/api/records/4916206/files/{name}/content": data for name, data in files.items()}
    return found | {"/api/records/4916206": json.dumps({"files": rows}).encode()}


def _figshare(files: dict[str, bytes]) -> dict[str, bytes]:
    """Return path -> answer, as figshare gives them: an article a file."""
    size = "?page_size=1000"
    answers = {f"/files/{k}": data for k, data in enumerate(files.values())}
    ids = [{"id": k} for k in range(len(files))]
    answers[f"/v2/collections/5779802/articles{size}"] = json.dumps(ids).encode()
    for k, (name, data) in enumerate(files.items()):
        row = {
            "name": name, "size": len(data), "computed_md5": hashlib.md5(data).hexdigest(),
            "download_url": f"https://ndownloader.figshare.com/files/{k}",
        }  # fmt: skip
        answers[f"/v2/articles/{k}/files{size}"] = json.dumps([row]).encode()
    return answers


class Server(http.server.ThreadingHTTPServer):
    """Answers as told, and knows from which byte on it was asked."""

    daemon_threads = True
    answers: dict[str, bytes]
    busy = 0  # so many requests of files are answered with 202

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[tuple[str, int]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that has had enough is no fault here."""


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def log_message(self, *args: object) -> None:
        """Be quiet."""

    def do_GET(self) -> None:
        span = re.match(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start = int(span[1]) if span else 0
        self.server.asked.append((self.path, start))
        if self.path not in self.server.answers:
            self.send_error(404)
            return
        whole = self.server.answers[self.path]
        code = 206 if span else 200
        if "/files/" in self.path and self.server.busy:
            self.server.busy -= 1
            code, start = 202, len(whole)
        self.send_response(code)
        self.send_header("Content-Length", str(len(whole) - start))
        if code == 206:
            self.send_header("Content-Range", f"bytes {start}-{len(whole) - 1}/{len(whole)}")
        self.end_headers()
        self.wfile.write(whole[start:])


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "*")
    with Server() as made:
        thread = threading.Thread(target=made.serve_forever, args=(0.01,))
        thread.start()
        yield made
        made.shutdown()
        thread.join()


def _tar(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tape:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tape.addfile(info, io.BytesIO(data))
    return packed.getvalue()


def _zip(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return packed.getvalue()


SMALL = {"exams.csv": b"exam_id,patient_id,trace_file\n", "exams_part0.zip": _zip({"a": b"aaa"})}


def _get(server: Server, corpus: Corpus, **more: Any) -> tuple[str, ...]:
    return download(corpus, mirror=server.url, patience=HASTE, **more)


def _serve(server: Server, root: Path, name: str) -> dict[str, bytes]:
    """Serve a miniature as its publisher packs it; return its files."""
    folder = open_corpus(name, root).miniature(root, 1) / name
    if name == "sph":
        records = {f"records/{p.name}": p.read_bytes() for p in (folder / "records").iterdir()}
        table = (folder / "metadata.csv").read_bytes()
        files = {"metadata.csv": table, "code.csv": b"Code\n", "records.tar.gz": _tar(records)}
        server.answers = _figshare(files)
        return files
    files = {"exams.csv": (folder / "exams.csv").read_bytes()}
    for path in folder.glob("*.hdf5"):
        files[f"{path.stem}.zip"] = _zip({path.name: path.read_bytes()})
    server.answers = _zenodo(files)
    return files


@pytest.mark.parametrize("name", ["sph", "code15"])
def test_what_was_loaded_opens_and_a_second_time_nothing_is_asked(
    server: Server, tmp_path: Path, name: str
) -> None:
    pytest.importorskip("h5py")
    files = _serve(server, tmp_path / "publisher", name)
    corpus = open_corpus(name, tmp_path)
    assert set(_get(server, corpus)) == set(files)
    corpus = open_corpus(name, tmp_path)
    assert len(corpus.present) == 24
    assert corpus.open(corpus.records[-1]).samples > 2000
    found = check(corpus)
    assert found.ok
    assert set(found.sound) == set(files)
    left = {p.name for p in corpus.folder.iterdir() if p.name.startswith(".")}
    assert left == set()
    asked = len(server.asked)
    assert _get(server, corpus) == ()
    assert len(server.asked) == asked
    archive = next(n for n in files if "." in n and not n.endswith(".csv"))
    (corpus.folder / archive).write_bytes(b"other")
    assert check(corpus).corrupt == (archive,)
    with pytest.raises(DataError, match="--force"):
        _get(server, corpus)
    assert _get(server, corpus, force=True) == (archive,)
    assert check(corpus).ok


def test_a_run_that_was_killed_is_gone_on_with(server: Server, tmp_path: Path) -> None:
    server.answers = _zenodo(SMALL)
    server.busy = 1  # a server that asks for patience costs no byte of what is here
    folder = tmp_path / "code15"
    folder.mkdir()
    (folder / "exams_part0.zip.part").write_bytes(SMALL["exams_part0.zip"][:40])
    (folder / "exams.csv").write_bytes(SMALL["exams.csv"])
    assert _get(server, Code15(tmp_path)) == ("exams_part0.zip",)
    place = "/api/records/4916206/files/exams_part0.zip/content"
    assert server.asked[1:] == [(place, 40), (place, 40)]
    assert (folder / "a").read_bytes() == b"aaa"


def _told(server: Server, change: Callable[[dict[str, Any]], object]) -> None:
    """Change what Zenodo says of exams.csv."""
    record = json.loads(server.answers["/api/records/4916206"])
    change(record["files"][0])
    server.answers["/api/records/4916206"] = json.dumps(record).encode()


@pytest.mark.parametrize(
    ("key", "value", "fault"),
    [
        ("checksum", f"md5:{SOME}", "not the publisher's checksum or size"),
        ("size", 31, "not the publisher's checksum or size"),
        ("size", 29, "said to have 30 bytes, above 29"),
        ("key", "../x", r"names a file '\.\./x'"),
        ("links", {"self": "http://zenodo.org/x"}, "lies at 'http://zenodo.org/x', not at https"),
    ],
)
def test_what_is_not_as_listed_or_not_to_be_listed_is_refused(
    server: Server, tmp_path: Path, key: str, value: object, fault: str
) -> None:
    server.answers = _zenodo(SMALL)
    _told(server, lambda file: file.update({key: value}))
    with pytest.raises(DataError, match=fault):
        _get(server, Code15(tmp_path))
    assert not (tmp_path / "x").exists()
    assert not (tmp_path / "code15" / "exams.csv").exists()


def test_files_that_the_depository_has_changed_are_loaded_by_force_only(
    server: Server, tmp_path: Path
) -> None:
    server.answers = _zenodo(SMALL)
    _get(server, Code15(tmp_path))
    table = tmp_path / "code15" / "exams.csv"
    table.unlink()
    server.answers = _zenodo(SMALL | {"exams.csv": b"other"})
    with pytest.raises(DataError, match="has other files now"):
        _get(server, Code15(tmp_path))
    assert _get(server, Code15(tmp_path), force=True) == ("exams.csv",)
    assert table.read_bytes() == b"other"


def test_an_endless_listing_is_cut_off(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("einthoven.corpora._download._ANSWER_BYTES", 100)
    server.answers = _zenodo(SMALL)
    with pytest.raises(DataError, match="cannot be had: it is said to have"):
        _get(server, Code15(tmp_path))


def _row(**change: object) -> bytes:
    good = {"key": "a.zip", "size": 5, "checksum": f"md5:{SOME}"}
    good |= {"links": {"self": "https://zenodo.org/a.zip"}}  # type: ignore[dict-item]
    return json.dumps({"files": [good | change]}).encode()


def test_a_listing_is_read() -> None:
    found = {"a.zip": Deposited(5, SOME, "https://zenodo.org/a.zip")}
    assert listing(ZENODO, lambda _address: _row()) == found


@pytest.mark.parametrize(
    "name", ["a/b", "a\\b", ".a", "", "a\nb", "MD5SUMS.txt", "a.part", "\ud800"]
)
def test_a_name_that_is_no_plain_file_is_refused(name: str) -> None:
    with pytest.raises(DataError, match="names a file"):
        listing(ZENODO, lambda _address: _row(key=name))


@pytest.mark.parametrize(
    "place",
    [
        "https://zenodo.org.example.org/a", "https://example.org/a", "https://me@zenodo.org/a",
        "https://notzenodo.org/a", "file:///etc/passwd", "https://zenodo.org/a\r\nb", "",
    ],
)  # fmt: skip
def test_an_address_elsewhere_is_refused(place: str) -> None:
    with pytest.raises(DataError, match=r"not at https://zenodo\.org"):
        listing(ZENODO, lambda _address: _row(links={"self": place}))


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (b"<html>", "no listing"), (b"\xff", "no listing"), (b"[" * 100_000, "no listing"),
        (b"[]", "no listing"), (b'{"files": 3}', "no listing"), (b'{"files": ["a"]}', "no listing"),
        (_row(key=3), "no listing"), (_row(checksum=None), "no listing"), (_row(links=[]), "no li"),
        (b'{"files": []}', "names 0 files"), (_row(size=1 << 50), "names 1 files of"),
        (_row(size=-1), "no size and MD5"), (_row(size=True), "no size and MD5"),
        (_row(checksum="sha256:00"), "no size and MD5"),
    ],
)  # fmt: skip
def test_what_is_no_listing_of_zenodo_is_one_sentence(answer: bytes, fault: str) -> None:
    with pytest.raises(DataError, match=rf"^https://zenodo\.org/api/records/4916206: .*{fault}"):
        listing(ZENODO, lambda _address: answer)


@pytest.mark.parametrize(
    ("articles", "fault"),
    [
        ([{"id": "1/../2"}], "no listing"), ({"id": 1}, "no listing"), ([3], "no listing"),
        ([{"id": k} for k in range(1000)], "1000 entries or more"),
        ([{"id": 1}, {"id": 2}], r"names a\.csv twice"),
    ],
)  # fmt: skip
def test_what_is_no_listing_of_figshare_is_one_sentence(articles: object, fault: str) -> None:
    file = {"name": "a.csv", "size": 5, "computed_md5": SOME}
    file["download_url"] = "https://ndownloader.figshare.com/files/1"

    def read(address: str) -> bytes:
        return json.dumps(articles if "/collections/" in address else [file]).encode()

    with pytest.raises(DataError, match=fault):
        listing(FIGSHARE, read)


def test_figshare_may_send_on_to_its_store_and_nowhere_else() -> None:
    def follow(old: str, new: str) -> urllib.request.Request | None:
        request = urllib.request.Request(old)
        return _SameHost().redirect_request(request, io.BytesIO(), 302, "", {}, new)  # type: ignore[arg-type]

    place, store = "https://ndownloader.figshare.com/files/1", "s3-eu-west-1.amazonaws.com/a"
    assert follow(place, f"https://{store}")
    for old, new in (
        (place, f"http://{store}"), (place, "https://example.org/a"),
        ("https://zenodo.org/a", f"https://{store}"), ("https://figshare.com.example.org", store),
    ):  # fmt: skip
        with pytest.raises(_Refused, match="sends on"):
            follow(old, new)


def _packed(folder: Path, name: str, content: bytes) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("pack", [_tar, _zip])
@pytest.mark.parametrize("name", ["../x", "/x/y"])
def test_a_member_that_leads_out_is_refused(
    tmp_path: Path, pack: Callable[[dict[str, bytes]], bytes], name: str
) -> None:
    ending = ".zip" if pack is _zip else ".tar"
    path = _packed(tmp_path / "here", f"a{ending}", pack({name: b"evil"}))
    with pytest.raises(DataError, match="outside"):
        unpack(path, spare=())
    assert [p.name for p in tmp_path.rglob("*")] == ["here", path.name]


def test_links_bombs_and_damage_are_refused(tmp_path: Path) -> None:
    link = tarfile.TarInfo("a")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc"
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tape:
        tape.addfile(link)
    bomb, sound = _zip({"a": bytes(20 << 20)}), _zip({"a": bytes(range(256)) * 9})
    for name, content, fault in (
        ("a.tgz", packed.getvalue(), "'a', no plain file"), ("b.zip", bomb, "more than 10 times"),
        ("c.zip", sound[:-30], "cannot be unpacked"), ("d.tar", b"no", "cannot be unpacked"),
        ("e.tar", _tar({"a": bytes(5000)})[:3000], "cannot be unpacked"),
    ):  # fmt: skip
        with pytest.raises(DataError, match=fault):
            unpack(_packed(tmp_path, name, content), spare=())
        assert not (tmp_path / "a").exists()


def test_what_is_unpacked_already_and_what_is_listed_is_left_alone(tmp_path: Path) -> None:
    path = _packed(tmp_path, "a.zip", _zip({"kept": b"new", "r/there": b"new", "r/b": b"new"}))
    (tmp_path / "kept").write_bytes(b"listed")
    _packed(tmp_path / "r", "there", b"old")
    unpack(path, spare=("kept",))
    assert (tmp_path / "r" / "there").read_bytes() == b"old"
    assert (tmp_path / "r" / "b").read_bytes() == b"new"
    unpack(path, spare=("kept",), force=True)
    assert (tmp_path / "r" / "there").read_bytes() == b"new"
    assert (tmp_path / "kept").read_bytes() == b"listed"
