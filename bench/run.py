#!/usr/bin/env python3
"""Runs benchmarks and writes their records: `make bench BENCH=name`.

    run.py [--build-dir build] [NAME...]      (default: every benchmark)

bench/NAME.py has a function `run(report)`; build/bench/NAME.json gets its
records {task, shape, layout, dtype, threads, peer, min_s, median_s, error,
note}. The peer "ssm" is this project's code and says its "strategy"; "limit"
is what the machine allows, measured in the same run; all others compute the
same task in another way.
"""

import argparse
import importlib
import json
import os
import statistics
import sys
import time
from pathlib import Path

BENCH = Path(__file__).resolve().parent
TASK = ("task", "shape", "layout", "dtype", "threads")


class Report:
    """Collects the records of one benchmark and prints them as they come."""

    def __init__(self, build_dir):
        self.build_dir = build_dir
        self.tools = build_dir / "bin"
        self.records = []

    def add(self, task, peer, min_s=None, median_s=None, error=None, note="", **more):
        """One record; `task` is a dict with the keys of TASK."""
        if set(task) != set(TASK):
            raise ValueError(f"a task has the keys {', '.join(TASK)}, found {', '.join(task)}")
        if (min_s is None) == (error is None):
            raise ValueError("a record has either times or an error")
        record = dict(task, peer=peer, min_s=min_s, median_s=median_s, error=error, note=note,
                      **more)
        self.records.append(record)
        what = f"{min_s * 1e3:10.3f} ms" if error is None else f"failed: {error}"
        label = " ".join([peer, *map(str, more.values())])
        print(f"  {record['task']} {record['shape']} {label:24} {what}", flush=True)

    def measure(self, task, peer, function, repeats=5, **more):
        """Times a call; an exception becomes the record's error."""
        try:
            times = self.times(function, repeats)
        except Exception as error:
            self.add(task, peer, error=f"{type(error).__name__}: {error}", **more)
        else:
            self.add(task, peer, min(times), statistics.median(times), **more)

    def times(self, function, repeats):
        """Seconds of each of several calls, after one to warm up."""
        function()
        times = []
        for _ in range(repeats):
            start = time.perf_counter()
            function()
            times.append(time.perf_counter() - start)
        return times

    def write(self, path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(".tmp")
        temporary.write_text(json.dumps(self.records, indent=1) + "\n")
        os.replace(temporary, path)


def names():
    return sorted(p.stem for p in BENCH.glob("*.py") if p.stem not in ("run", "machine"))


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build-dir", type=Path, default=BENCH.parent / "build")
    parser.add_argument("names", nargs="*")
    args = parser.parse_args(argv)
    sys.path.insert(0, str(BENCH))
    for name in args.names or names():
        if name not in names():
            parser.error(f"no benchmark '{name}'; there are: {', '.join(names())}")
        print(f"== {name}", flush=True)
        report = Report(args.build_dir.resolve())
        importlib.import_module(name).run(report)
        path = args.build_dir / "bench" / f"{name}.json"
        report.write(path)
        print(f"== {name}: {len(report.records)} records in {path}")


if __name__ == "__main__":
    main()
