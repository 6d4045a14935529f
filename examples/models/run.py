#!/usr/bin/env python3
"""Runs the model zoo: every model, every legal strategy, against its oracle.

    run.py [--build-dir build] [--length 1024] [--dtype f32|f64|bf16] [model...]

Prints model, strategy, the error (L2 of the difference relative to the float64
oracle, the larger of random and trained-like parameters, outputs and final
states), and the median time of a call on one core. `make zoo` calls it.
"""

import argparse
import os
import statistics
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "test"), str(ROOT / "test" / "Integration")]


def median_ms(call, seconds=0.1):
    times, end = [], time.perf_counter() + seconds
    while not times or time.perf_counter() < end:
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return 1e3 * statistics.median(times)


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build-dir", type=Path, default=ROOT / "build")
    parser.add_argument("--length", type=int, default=1024, help="time steps (default 1024)")
    parser.add_argument("--dtype", choices=["f32", "f64", "bf16"], default="f32")
    parser.add_argument("models", nargs="*", help="functions, by default all")
    args = parser.parse_args(argv)
    os.environ["SSM_BUILD_DIR"] = str(args.build_dir.resolve())
    import zoo

    if unknown := set(args.models) - set(zoo.MODELS):
        parser.error(f"no such model: {', '.join(sorted(unknown))}; there are {', '.join(zoo.MODELS)}")
    print(f"{args.dtype}, batch 2, {args.length} steps, one core\n")
    print(f"{'model':<18}{'strategy':<13}{'error':>9}{'ms':>10}")
    for model in (zoo.MODELS[n] for n in args.models or zoo.MODELS):
        if args.dtype == "bf16" and not model.bf16:
            continue
        cases = [model.draw(args.dtype, trained, length=args.length) for trained in (False, True)]
        for strategy in zoo.legal(model.file):
            code = zoo.compiled(model.file, args.dtype, strategy)
            worst = max(e for case in cases for e in model.errors(code.call(model.name, case.arguments), case))
            ms = median_ms(code.bind(model.name, cases[0].arguments))
            print(f"{model.name:<18}{strategy:<13}{worst:>9.1e}{ms:>10.3f}", flush=True)


if __name__ == "__main__":
    main()
