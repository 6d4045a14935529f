#!/usr/bin/env python3
"""Times the kernels for NVIDIA GPUs, beside a copy and what peers are installed.

    run.py --make FOLDER --chip sm_90 [--emit cubin] [--compiler build/bin/ssm-compile]
    run.py FOLDER [--only WORDS] [--output results.json]

The first writes PTX or cubins and JSON, where the compiler is, and CUB's scan, where nvcc is; the
second needs them, the files beside this one, NumPy and the CUDA driver, and runs where the GPU is.
Every result is checked in float64, and what peers have against it: one that is wrong gets no
figure, and if it is ours the exit code is 1. Times are of the device, medians of runs whose
buffers are not in its caches.
"""

import argparse
import faulthandler
import json
import subprocess
import sys
import time
from pathlib import Path

from gpu_arrays import in_parallel
from gpu_cases import FULL, QUICK
from gpu_driver import Absent, Driver
from gpu_measure import Measurement, Timer, measure_copy, measure_product
from gpu_peers import Peers, build_cub

COLUMNS = ["case", "who", "median", "of the copy's bandwidth", "of the exponentials' rate", "of torch's bf16 product",
           "ours is faster by", "bar"]

HOW_COUNTED = """Of torch's bf16 product: two operations for each product of numbers that chunks of 64 steps need in each head:
C B^T and its product with the signals up to the diagonal, C by the state, and the state's update.
"""


def print_row(cells):
    print(f"| {' | '.join(cells)} |", flush=True)


def print_record(record):
    cell = lambda key, form: form.format(record[key]) if record.get(key) is not None else ""
    print_row([record["case"], record["peer"], record.get("note") or cell("median_s", "{:.3e} s"), cell("of_copy", "{:.2f}"),
               cell("of_exponentials", "{:.2f}"), cell("of_products", "{:.2f}"), cell("ratio", "{:.2f}"), record.get("bar", "")])


def stem_of(folder, cases, case):
    return folder / f"case{cases.index(case)}"


def make(folder, cases, chosen, compiler, chip, kind):
    folder.mkdir(parents=True, exist_ok=True)

    def compile_case(case):
        stem = stem_of(folder, cases, case)
        # Of an earlier run: it would be preferred to this one's PTX.
        stem.with_suffix(".cubin").unlink(missing_ok=True)
        stem.with_suffix(".mlir").write_text(case.text())
        subprocess.run([compiler, stem.with_suffix(".mlir"), f"--target=nvidia:{chip}", f"--emit={kind}", "-o",
                        stem.with_suffix(f".{kind}")], check=True)

    in_parallel(compile_case, chosen)
    try:
        build_cub(folder, chip)
    except Absent as absent:
        print(f"bench/gpu: CUB's scan is not built: {absent}", file=sys.stderr)


def measure_rates(driver, timer, peers, quick):
    """What the machine reaches; the products' rate only where torch is."""
    rates = dict(copy=measure_copy(driver, timer, 1 << (20 if quick else 30)), exponentials=driver.exponentials)
    size = 256 if quick else 8192
    try:
        rates["products"] = measure_product(timer, peers, size)
        products = f"torch's bf16 product of {size} x {size} {rates['products'] / 1e12:.0f} TFLOP/s"
    except Absent as absent:
        products = f"no product of torch: {absent}"
    print(f"{driver.name}, {driver.multiprocessors} multiprocessors; copy {rates['copy'] / 1e12:.3f} TB/s read and written; {products}")
    return rates


def records_of(measurement, case, stem):
    """Of one case, also if it fails."""
    try:
        yield from measurement.records(case, stem)
    except (OSError, RuntimeError) as error:
        yield dict(case=case.name, kernel=case.kernel, peer="ssm", bar=case.bar, median_s=None, note=f"failed: {error}")


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--make", action="store_true", help="compile into the folder, and run nothing")
    parser.add_argument("--chip", default="sm_90", help="what to compile for")
    parser.add_argument("--emit", default="ptx", choices=["ptx", "cubin"], help="what to compile to; a cubin needs ptxas")
    parser.add_argument("--compiler", type=Path, default=Path(__file__).resolve().parents[2] / "build" / "bin" / "ssm-compile")
    parser.add_argument("--only", default="", metavar="WORDS", help="the cases with this in their names")
    parser.add_argument("--output", type=Path, help="write the records as JSON, after each case")
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--limit", type=float, default=120, metavar="SECONDS", help="end if a case takes longer")
    parser.add_argument("--quick", action="store_true", help="tiny shapes: does it work?")
    args = parser.parse_args(argv)
    cases = QUICK if args.quick else FULL
    chosen = [case for case in cases if args.only in case.name]
    if args.make:
        return make(args.folder, cases, chosen, args.compiler, args.chip, args.emit)
    try:
        driver = Driver()
    except Absent as absent:
        raise SystemExit(f"bench/gpu: {absent}") from None
    timer, peers = Timer(driver, args.repeats, args.quick), Peers(args.folder)
    rates = measure_rates(driver, timer, peers, args.quick)
    print(HOW_COUNTED)
    print_row(COLUMNS)
    print_row(["---"] * len(COLUMNS))
    measurement, records = Measurement(driver, timer, rates, peers), []
    for case in chosen:
        faulthandler.dump_traceback_later(args.limit, exit=True)
        start = time.perf_counter()
        for record in records_of(measurement, case, stem_of(args.folder, cases, case)):
            records.append(record)
            print_record(record)
        print(f"{case.name}: {time.perf_counter() - start:.1f} s", file=sys.stderr, flush=True)
        if args.output:
            args.output.write_text(json.dumps(dict(device=driver.name, rates=rates, records=records), indent=1) + "\n")
        if not driver.is_alive():
            raise SystemExit("bench/gpu: the device is lost to this process; take the other cases in another, with --only")
    faulthandler.cancel_dump_traceback_later()
    if args.quick:
        print("Not quotable: a smoke test.")
    return any(r["peer"] == "ssm" and "note" in r for r in records)


if __name__ == "__main__":
    sys.exit(main())
