"""Many recordings analysed side by side: one bad file does not stop the others."""

from __future__ import annotations

import csv
import json
import signal
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from tqdm import tqdm

from einthoven.engine import analyze
from einthoven.formats import open_source
from einthoven.record.errors import EinthovenError, UsageError
from einthoven.record.files import beside, write_text
from einthoven.report.html import to_html
from einthoven.report.table import summary, summary_row, table


@dataclass(frozen=True, kw_only=True)
class Job:
    """One recording to analyse, and where its answer goes."""

    path: str
    out: Path | None
    wanted: tuple[str, ...]
    questions: dict[str, Any]
    reading: dict[str, Any]
    force: bool
    identity: bool
    keep_json: bool

    def target(self, kind: str) -> Path:
        """Return the file the answer of that kind is written to."""
        assert self.out is not None
        return self.out.with_name(f"{self.out.name}.{kind}")

    @property
    def finished(self) -> bool:
        """Whether an earlier run wrote all that is wanted; JSON is written last."""
        return bool(self.wanted) and all(self.target(k).is_file() for k in self.wanted)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came of one job: a row for the table and the text to print, or a fault."""

    path: str
    row: dict[str, Any] | None = None
    text: str = ""
    fault: str = ""
    usage: bool = False
    skipped: bool = False


def answer(job: Job) -> Answer:
    """Analyse one recording and write what is wanted of it."""
    try:
        if job.finished and not job.force:
            document = json.loads(job.target("json").read_text(encoding="utf-8"))
            return Answer(path=job.path, row=summary_row(document), skipped=True)
        source = open_source(job.path, **job.reading)
        findings = analyze(source, **job.questions)
        if "html" in job.wanted:
            write_text(job.target("html"), to_html(findings, identity=job.identity))
        if "atr" in job.wanted:
            # An .atr there may be a publisher's reference: never written over unasked.
            findings.to_wfdb(job.target("atr"), force=job.force)
        document = findings.to_dict(identity=job.identity)
        if "json" in job.wanted:
            write_text(job.target("json"), json.dumps(document, ensure_ascii=False) + "\n")
        text = json.dumps(document, ensure_ascii=False) if job.keep_json else summary(findings)
        return Answer(path=job.path, row=summary_row(document), text=text)
    except EinthovenError as fault:
        return Answer(path=job.path, fault=str(fault), usage=isinstance(fault, UsageError))
    except (OSError, MemoryError) as fault:
        sentence = (
            f"{job.path}: cannot be read or written ({fault}). Check the path and its rights."
        )
        return Answer(path=job.path, fault=sentence)


def run_jobs(jobs: list[Job], *, workers: int, faults: list[str], out: Path | None) -> int:
    """Run all jobs, print answers in the order of the paths, write OUT/summary.csv."""
    failed = list(faults)
    for fault in faults:
        print(f"einthoven: {fault}", file=sys.stderr)
    rows: list[dict[str, Any]] = []
    skipped, usage, single = 0, False, len(jobs) == 1
    for done in _in_order(jobs, workers):
        skipped += done.skipped
        if done.fault:
            failed.append(done.fault)
            usage |= done.usage
            print(f"einthoven: {done.fault}", file=sys.stderr)
            continue
        assert done.row is not None
        rows.append(done.row)
        if jobs[0].keep_json or (single and done.text):
            print(done.text, flush=True)
    if not jobs or (not jobs[0].keep_json and not (single and not skipped)):
        print(table(rows), end="")
    if skipped:
        print(f"{skipped} were finished before (--force does them again)", file=sys.stderr)
    if out is not None and rows:
        _write_summary(out / "summary.csv", rows)
        print(f"written to {out}", file=sys.stderr)
    return (2 if usage and not rows else 1) if failed else 0


def _in_order(jobs: list[Job], workers: int) -> Iterator[Answer]:
    quiet = not sys.stderr.isatty() or len(jobs) < 2
    with tqdm(total=len(jobs), unit="record", disable=quiet, leave=False) as bar:
        if workers <= 1 or len(jobs) < 2:
            for job in jobs:
                yield answer(job)
                bar.update()
            return
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


def _write_summary(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    rows = list(rows)
    with beside(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
