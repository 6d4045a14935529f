#!/usr/bin/env python3
"""Times the kernels for NVIDIA GPUs, beside a copy and what peers are installed.

    run.py --make FOLDER --chip sm_90 [--compiler build/bin/ssm-compile]
    run.py FOLDER [--output results.json]

The first writes PTX and JSON, where the compiler is; the second needs them, the
files beside this one, NumPy and the CUDA driver, and runs where the GPU is. Every result is
checked in float64: one that is wrong gets no figure, and the exit code is 1.
Times are of the device, medians of a run; buffers are larger than its caches.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

from gpu_cases import FULL, QUICK
from gpu_driver import Absent, Driver
from gpu_measure import measure, measure_copy


def print_table(records):
    print("| case | who | median | of the copy's bandwidth | of the exponentials' rate | ours is faster by | bar |")
    print("|---|---|---|---|---|---|---|")
    for r in records:
        cell = lambda key, form: form.format(r[key]) if r.get(key) is not None else ""
        print(f"| {r['case']} | {r['peer']} | {r.get('note') or cell('median_s', '{:.3e} s')} | {cell('of_copy', '{:.2f}')} "
              f"| {cell('of_exponentials', '{:.2f}')} | {cell('ratio', '{:.2f}')} | {r.get('bar', '')} |")


def stem_of(folder, cases, case):
    return folder / f"case{cases.index(case)}"


def make(folder, cases, compiler, chip):
    folder.mkdir(parents=True, exist_ok=True)
    for case in cases:
        stem = stem_of(folder, cases, case)
        stem.with_suffix(".mlir").write_text(case.text())
        subprocess.run([compiler, stem.with_suffix(".mlir"), f"--target=nvidia:{chip}", "--emit=ptx", "-o",
                        stem.with_suffix(".ptx")], check=True)


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--make", action="store_true", help="compile into the folder, and run nothing")
    parser.add_argument("--chip", default="sm_90", help="what to compile for")
    parser.add_argument("--compiler", type=Path, default=Path(__file__).resolve().parents[2] / "build" / "bin" / "ssm-compile")
    parser.add_argument("--output", type=Path, help="write the records as JSON")
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--quick", action="store_true", help="tiny shapes: does it work?")
    args = parser.parse_args(argv)
    cases = QUICK if args.quick else FULL
    if args.make:
        return make(args.folder, cases, args.compiler, args.chip)
    try:
        driver = Driver()
    except Absent as absent:
        raise SystemExit(f"bench/gpu: {absent}") from None
    copy = measure_copy(driver, 1 << (20 if args.quick else 30), args.repeats)
    print(f"{driver.name}, {driver.multiprocessors} multiprocessors; copy {copy / 1e12:.3f} TB/s read and written")
    records = []
    for case in cases:
        records += measure(driver, case, stem_of(args.folder, cases, case), copy, args.repeats)
    print_table(records)
    if args.quick:
        print("Not quotable: a smoke test.")
    if args.output:
        args.output.write_text(json.dumps(dict(device=driver.name, copy=copy, records=records), indent=1) + "\n")
    return any((r.get("note") or "").startswith("wrong") for r in records)


if __name__ == "__main__":
    sys.exit(main())
