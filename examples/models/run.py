#!/usr/bin/env python3
"""Runs the model zoo: every model, every legal strategy, against its oracle.

    run.py [--build-dir build] [--length 1024] [--dtype f32|f64|bf16] [model...]
    run.py --save FOLDER [model...]

Prints model, strategy, the error (L2 of the difference relative to the float64
oracle, the larger of random and trained-like parameters, outputs and final
states), and the median time of a call on one core. `make zoo` calls it.

With --save, writes the trained-like arguments of each model in their order to
FOLDER/MODEL.npz instead, as `python -m mlir_ssm.plot` takes them.
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


def save(zoo, model, args):
    """Writes a case's arguments as the function takes them."""
    case = model.draw(args.dtype, True, length=args.length)
    arguments = zoo.functions(zoo.text_of(model.file, args.dtype))[model.name][0]
    path = args.save / f"{model.name}.npz"
    zoo.np.savez(path, **{name: zoo.np.asarray(case.arguments[name], zoo.element(kind)) for name, kind in arguments})
    print(path)


def compare(zoo, model, args):
    """Prints the error and the time of every legal strategy."""
    cases = [model.draw(args.dtype, trained, length=args.length) for trained in (False, True)]
    for strategy in zoo.legal(model.file):
        code = zoo.compiled(model.file, args.dtype, strategy)
        worst = max(e for case in cases for e in model.errors(code.call(model.name, case.arguments), case))
        ms = median_ms(code.bind(model.name, cases[0].arguments))
        print(f"{model.name:<20}{strategy:<13}{worst:>9.1e}{ms:>10.3f}", flush=True)


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build-dir", type=Path, default=ROOT / "build")
    parser.add_argument("--length", type=int, default=1024, help="time steps (default 1024)")
    parser.add_argument("--dtype", choices=["f32", "f64", "bf16"], default="f32")
    parser.add_argument("--save", type=Path, metavar="FOLDER", help="write arguments instead of running")
    parser.add_argument("models", nargs="*", help="functions, by default all")
    args = parser.parse_args(argv)
    os.environ["SSM_BUILD_DIR"] = str(args.build_dir.resolve())
    import zoo

    if unknown := set(args.models) - set(zoo.MODELS):
        parser.error(f"no such model: {', '.join(sorted(unknown))}; there are {', '.join(zoo.MODELS)}")
    if args.save and args.dtype == "bf16":
        parser.error("--save writes f32 or f64; only signals are in bf16, and NumPy has no such type")
    models = [zoo.MODELS[n] for n in args.models or zoo.MODELS]
    if args.save:
        args.save.mkdir(parents=True, exist_ok=True)
        for model in models:
            save(zoo, model, args)
        return
    print(f"{args.dtype}, batch 2, {args.length} steps, one core\n")
    print(f"{'model':<20}{'strategy':<13}{'error':>9}{'ms':>10}")
    for model in models:
        if args.dtype != "bf16" or model.bf16:
            compare(zoo, model, args)


if __name__ == "__main__":
    main()
