"""Many recordings analysed side by side: one bad file does not stop the others."""

from __future__ import annotations

import csv
import glob
import hashlib
import json
import os
import signal
import sys
import traceback
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import cached_property
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from tqdm import tqdm

from einthoven._version import __version__
from einthoven.bundle import default_model, load_model
from einthoven.cli._paths import SUMMARY, LeftOut
from einthoven.engine import ANSWERED, analyze
from einthoven.formats import open_source
from einthoven.record.errors import EinthovenError, UsageError
from einthoven.record.files import beside, write_text
from einthoven.report.html import to_html
from einthoven.report.table import PROBABILITY, failed_row, summary, summary_row, table

_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet takes for the begin of one


@dataclass(frozen=True, kw_only=True)
class Job:
    """One recording to analyse, and where its answer goes.

    An answer is skipped as finished only where the same file was asked the same by the same models.
    """

    path: str
    out: Path | None
    wanted: tuple[str, ...]
    questions: dict[str, Any]
    reading: dict[str, Any]
    force: bool
    identity: bool
    keep_json: bool
    traceback: bool = False

    def target(self, kind: str) -> Path:
        """Return the file the answer of that kind is written to."""
        assert self.out is not None
        return self.out.with_name(f"{self.out.name}.{kind}")

    @cached_property
    def fingerprint(self) -> str:
        """Differs whenever the answer might: the file, what is asked of it, and who answers."""
        path = Path(self.path)
        if not path.exists():
            path = path.with_name(f"{path.name}.hea")
        facts = path.stat()
        model, profile = self.questions["model"], self.questions["profile"]
        tasks = ["peaks", *ANSWERED, *(["waves"] if self.questions["waves"] else [])]
        asked = [default_model(task, profile) for task in tasks]
        asked += [load_model(model)] if model else []
        shas = [m.sha256 for m in asked if m]
        what = [
            str(path.resolve()), facts.st_size, facts.st_mtime_ns, self.questions, self.reading,
            self.identity, shas, __version__,
        ]  # fmt: skip
        return hashlib.sha256(repr(what).encode("utf-8", "replace")).hexdigest()

    @property
    def state(self) -> Path:
        """The hidden file that says whose answers these are, and whether they are all there."""
        assert self.out is not None
        return self.out.with_name(f".{self.out.name}.state")

    def begin(self) -> bool:
        """Return whether an earlier run finished this very job; else claim its files.

        Raises
        ------
        UsageError : files are there that this job did not begin, and `force` is not given.
        """
        if not self.wanted:
            return False
        there = [k for k in self.wanted if self.target(k).exists()]
        state = self.state.read_text(encoding="utf-8") if self.state.is_file() else ""
        ours = state.partition(" ")[0] == self.fingerprint
        if ours and state.endswith("done") and len(there) == len(self.wanted) and not self.force:
            return True
        if there and not ours and not self.force:
            raise UsageError(
                self.target(there[0]),
                f"is there already and answers another file or question than {self.path}",
                "Give another --out, or --force to write over it",
            )
        for path in (self.state, *map(self.target, self.wanted)):
            _sweep(path)
        write_text(self.state, f"{self.fingerprint} begun")
        return False


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came of one job: a row for the table and the text to print, or a fault and its trace."""

    path: str
    row: dict[str, Any] | None = None
    text: str = ""
    fault: str = ""
    usage: bool = False
    skipped: bool = False
    trace: str = ""


def answer(job: Job) -> Answer:
    """Analyse one recording and write what is wanted of it."""
    try:
        if job.begin():
            document = json.loads(job.target("json").read_text(encoding="utf-8"))
            text = json.dumps(document, ensure_ascii=False) if job.keep_json else ""
            return Answer(path=job.path, row=summary_row(document), text=text, skipped=True)
        source = open_source(job.path, **job.reading)
        findings = analyze(source, **job.questions)
        if "html" in job.wanted:
            write_text(job.target("html"), to_html(findings, identity=job.identity))
        if "atr" in job.wanted:
            findings.to_wfdb(job.target("atr"), force=True)
        document = findings.to_dict(identity=job.identity)
        if "json" in job.wanted:
            write_text(job.target("json"), json.dumps(document, ensure_ascii=False) + "\n")
            write_text(job.state, f"{job.fingerprint} done")
        text = json.dumps(document, ensure_ascii=False) if job.keep_json else summary(findings)
        return Answer(path=job.path, row=summary_row(document), text=text)
    except Exception as fault:  # noqa: BLE001 - one bad file must not stop the others
        return Answer(
            path=job.path, fault=_sentence(job.path, fault), usage=isinstance(fault, UsageError),
            trace=traceback.format_exc() if job.traceback else "",
        )  # fmt: skip


def _sentence(path: str, fault: Exception) -> str:
    """Return what is said of a fault."""
    if isinstance(fault, EinthovenError):
        return str(fault)
    if isinstance(fault, (OSError, MemoryError)):
        return f"{path}: cannot be read or written ({fault}). Check the path and its rights."
    return (
        f"{path}: our mistake ({type(fault).__name__}: {fault}). "
        "Please report it; the other files are not touched by it."
    )


def run_jobs(jobs: list[Job], *, workers: int, left: list[LeftOut], out: Path | None) -> int:
    """Run all jobs, print answers in the order of the paths, write OUT/summary.csv.

    What was left out is named and has its row.

    Raises
    ------
    UsageError : OUT cannot be a folder.
    """
    if out is not None:
        try:
            out.mkdir(parents=True, exist_ok=True)
        except OSError as fault:
            raise UsageError(
                out, f"cannot be a folder ({fault.strerror})", "Give another --out"
            ) from fault
    for one in left:
        print(_safe(f"einthoven: {'' if one.failed else 'left out: '}{one.why}"), file=sys.stderr)
    failed = any(one.failed for one in left)
    faults = [failed_row(one.path, one.why) for one in left]
    rows: list[dict[str, Any]] = []
    skipped, usage, single = 0, False, len(jobs) == 1
    for done in _in_order(jobs, workers):
        skipped += done.skipped
        if done.fault:
            failed = True
            usage |= done.usage
            if not done.usage:  # wrong usage leaves an earlier answer, and its row, in place
                faults.append(failed_row(done.path, done.fault))
            print(_safe(f"{done.trace}einthoven: {done.fault}"), file=sys.stderr)
            continue
        assert done.row is not None
        rows.append(done.row)
        if jobs[0].keep_json or (single and done.text):
            print(done.text, flush=True)
    if not jobs or (not jobs[0].keep_json and not (single and not skipped)):
        print(table(rows), end="")
    if skipped:
        print(f"{skipped} were finished before (--force does them again)", file=sys.stderr)
    if out is not None and (rows or faults):
        _sweep(out / SUMMARY)
        _write_summary(out / SUMMARY, [*rows, *faults])
        print(f"written to {out}", file=sys.stderr)
    return (2 if usage and not rows else 1) if failed else 0


def _sweep(path: Path) -> None:
    """Remove what runs that were killed while they wrote `path` left beside it."""
    name = glob.escape(f".{path.name}.")
    for half in path.parent.glob(f"{name}????????{glob.escape(path.suffix)}"):
        half.unlink(missing_ok=True)


def _safe(text: str) -> str:
    """Return text that any terminal takes, whatever bytes a file name holds."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _in_order(jobs: list[Job], workers: int) -> Iterator[Answer]:
    quiet = not sys.stderr.isatty() or len(jobs) < 2
    with tqdm(total=len(jobs), unit="record", disable=quiet, leave=False) as bar:
        if workers <= 1 or len(jobs) < 2:
            for job in jobs:
                yield answer(job)
                bar.update()
            return
        # One thread of arithmetic a worker: more of them than cores wait for each other.
        for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
            os.environ.setdefault(name, "1")
        # spawn: the parent's ONNX threads must not be forked.
        pool = ProcessPoolExecutor(
            min(workers, len(jobs)), get_context("spawn"), initializer=_leave_interrupts
        )
        try:
            futures = {pool.submit(answer, job): i for i, job in enumerate(jobs)}
            ready: dict[int, Answer] = {}
            due = 0
            for future in as_completed(futures):
                index = futures[future]
                try:
                    ready[index] = future.result()
                except BrokenProcessPool:
                    ready[index] = Answer(
                        path=jobs[index].path,
                        fault=f"{jobs[index].path}: its process was killed. Try --jobs 1.",
                    )
                bar.update()
                while due in ready:
                    yield ready.pop(due)
                    due += 1
        finally:
            # Interrupted: what is under way is finished and kept, the rest is not begun.
            pool.shutdown(cancel_futures=True)


def _leave_interrupts() -> None:
    """Let the parent alone answer Ctrl-C, so that no worker dies in the middle of a file."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _no_formula(value: Any) -> Any:
    """Return text that a spreadsheet takes for text: a file may be called ``=cmd|...``."""
    return f"'{value}" if isinstance(value, str) and value[:1] in _FORMULA else value


def _write_summary(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Write the rows beside those that earlier runs left there for other recordings.

    Recordings answered by several models, or by none, have a column for every class of all.
    """
    rows = [{key: _no_formula(value) for key, value in row.items()} for row in rows]
    new = {str(row["source"]) for row in rows}
    if path.is_file():
        with path.open(newline="", encoding="utf-8") as file:
            earlier = [r for r in csv.DictReader(file) if r.get("source") not in new]
        # What another version wrote has other columns, and other meanings perhaps.
        fixed = {key for key in rows[0] if not key.startswith(PROBABILITY)}
        if all({k for k in r if not str(k).startswith(PROBABILITY)} == fixed for r in earlier):
            rows = [*earlier, *rows]
    names = list(dict.fromkeys(key for row in rows for key in row))
    names.sort(key=lambda name: name.startswith(PROBABILITY))  # stable: a fault has none
    with beside(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=names, restval="")
        writer.writeheader()
        writer.writerows(rows)
