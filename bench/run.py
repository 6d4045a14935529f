#!/usr/bin/env python3
"""Runs benchmarks and writes their reports: `make bench BENCH=name`.

    run.py [--build-dir build] [--quick] [--threads 1,2] [NAME...]

tasks/NAME.py has a function `run(bench)`. One process for each number of
threads times our code and its peers in turn on the same arrays;
build/bench/NAME.json gets the records, NAME.md the tables, NAME*.png the
curves. docs/Benchmarks.md says what is measured and how.
"""

import argparse
import importlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path

BENCH = Path(__file__).resolve().parent
sys.path[:0] = [str(BENCH), str(BENCH / "tasks")]

import machine  # noqa: E402
import report  # noqa: E402


def names():
    return sorted(path.stem for path in (BENCH / "tasks").glob("*.py"))


class Bench:
    """What a task needs."""

    def __init__(self, build_dir, threads, quick):
        from compiled import Compiler
        from measure import Effort
        from native import Native
        from peers import start_pools
        start_pools(threads)
        self.threads, self.quick = threads, quick
        self.report = report.Report(threads)
        self.compiler = Compiler(build_dir, threads)
        self.native = Native(build_dir, threads)
        self.full = Effort.quick() if quick else Effort.full(threads)
        self.brief = Effort.quick() if quick else Effort.brief(threads)

    def race(self, task, effort=None):
        from measure import Race
        return Race(self.report, dict(task, threads=self.threads), effort or self.full)


def work(name, args):
    """What each process does: everything with its number of threads."""
    machine.pin(args.threads[0])
    bench = Bench(args.build_dir, args.threads[0], args.quick)
    importlib.import_module(name).run(bench)
    json.dump(bench.report.records, args.worker)


def run(name, args):
    """All processes of a benchmark in turn; their records."""
    records = []
    for threads in args.threads:
        if threads > len(machine.cores()):
            print(f"== {name}: no {threads} threads on {len(machine.cores())} cores", flush=True)
            continue
        print(f"== {name}: {threads} thread{'s' if threads > 1 else ''}", flush=True)
        with tempfile.NamedTemporaryFile(suffix=".json") as file:
            command = [sys.executable, __file__, "--build-dir", args.build_dir, f"--threads={threads}",
                       "--worker", file.name, *(["--quick"] if args.quick else []), name]
            subprocess.run(command, env=machine.environment(threads), check=True)
            records += json.loads(Path(file.name).read_text())
    return records


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build-dir", type=Path, default=BENCH.parent / "build")
    parser.add_argument("--quick", action="store_true", help="tiny shapes, one sample: does it work?")
    parser.add_argument("--threads", type=lambda text: [int(x) for x in text.split(",")], default=[1, 2])
    parser.add_argument("--worker", type=argparse.FileType("w"), help=argparse.SUPPRESS)
    parser.add_argument("names", nargs="*")
    args = parser.parse_args(argv)
    args.build_dir = args.build_dir.resolve()
    for name in args.names or names():
        if name not in names():
            parser.error(f"no benchmark '{name}'; there are: {', '.join(names())}")
    for name in args.names or names():
        if args.worker:
            work(name, args)
        else:
            head = machine.description()
            report.write(args.build_dir / "bench" / name, run(name, args), head, args.quick)


if __name__ == "__main__":
    main()
