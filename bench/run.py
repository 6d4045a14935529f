#!/usr/bin/env python3
"""Runs benchmarks and writes their reports: `make bench BENCH=name`.

    run.py [--build-dir build] [--quick] [--threads 1,2] [--plain-malloc] [--tasks FOLDER] [NAME...]

tasks/NAME.py has a function `run(bench)`. One process for each number of
threads times our code and its peers in turn on the same arrays;
build/bench/NAME.json gets the records, NAME.md the tables, NAME*.png the
curves. docs/Benchmarks.md says what is measured and how.
"""

import argparse
import importlib
import json
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

BENCH = Path(__file__).resolve().parent
sys.path.insert(0, str(BENCH))

import machine  # noqa: E402
import report  # noqa: E402


def names(folder):
    return sorted(path.stem for path in folder.glob("*.py"))


class Bench:
    """What a task needs. A process that is started again after a crash passes
    over the first `done` races."""

    def __init__(self, build_dir, threads, quick, records, done):
        from compiled import Compiler
        from measure import Effort
        from native import Native
        from peers import start_pools
        start_pools(threads)
        self.threads, self.quick, self.done = threads, quick, done
        self.report = report.Report(records)
        self.compiler = Compiler(build_dir, threads)
        self.native = Native(build_dir, threads)
        self.full = Effort.quick() if quick else Effort.full(threads)
        self.brief = Effort.quick() if quick else Effort.brief(threads)

    def race(self, task, effort=None):
        from measure import Race
        self.done -= 1
        race = Race(self.report, dict(task, threads=self.threads), effort or self.full, active=self.done < 0)
        if race.active:
            self.report.begin(race.task)
        return race


def work(name, args):
    """What each process does: everything with its number of threads."""
    if not args.quick:
        machine.pin(args.threads[0])
    sys.path.insert(0, str(args.tasks))
    with args.worker.open("a", buffering=1) as records:
        importlib.import_module(name).run(Bench(args.build_dir, args.threads[0], args.quick, records, args.done))


def run(name, args):
    """All processes of a benchmark in turn; their records."""
    records = []
    for threads in args.threads:
        if threads > len(machine.cores()):
            print(f"== {name}: no {threads} threads on {len(machine.cores())} cores", flush=True)
            continue
        print(f"== {name}: {threads} thread{'s' if threads > 1 else ''}", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            records += run_workers(name, threads, args, Path(folder) / "records")
    return records


def run_workers(name, threads, args, file):
    """Starts a process, and another where one crashed, after the task that did
    it: wrong code must not hide the other figures."""
    done = 0
    while True:
        command = [sys.executable, __file__, "--build-dir", args.build_dir, "--tasks", args.tasks,
                   f"--threads={threads}", "--worker", file, f"--done={done}",
                   *(["--quick"] if args.quick else []), name]
        status = subprocess.run(command, env=machine.environment(threads, args.plain_malloc)).returncode
        lines = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
        tasks = [line["begin"] for line in lines if "begin" in line]
        if status >= 0 or len(tasks) == done:
            break
        crash = report.Report(file.open("a"))
        crash.add(tasks[-1], "ssm", note=f"failed: the process was ended by {signal.Signals(-status).name}")
        done = len(tasks)
    if status:
        raise SystemExit(f"bench {name}: exit code {status}")
    return [line for line in lines if "begin" not in line]


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build-dir", type=Path, default=BENCH.parent / "build")
    parser.add_argument("--quick", action="store_true", help="tiny shapes, one sample: does it work?")
    parser.add_argument("--threads", type=lambda text: [int(x) for x in text.split(",")], default=[1, 2])
    parser.add_argument("--plain-malloc", action="store_true", help="glibc's own settings: fresh pages for large results")
    parser.add_argument("--tasks", type=Path, default=BENCH / "tasks", help="the folder of the benchmarks")
    parser.add_argument("--worker", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--done", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("names", nargs="*")
    args = parser.parse_args(argv)
    args.build_dir = args.build_dir.resolve()
    known = names(args.tasks)
    for name in args.names or known:
        if name not in known:
            parser.error(f"no benchmark '{name}'; there are: {', '.join(known)}")
    for name in args.names or known:
        if args.worker:
            work(name, args)
        else:
            head = machine.description() | ({"allocator": "glibc's own settings"} if args.plain_malloc else {})
            report.write(args.build_dir / "bench" / name, run(name, args), head, args.quick)


if __name__ == "__main__":
    main()
