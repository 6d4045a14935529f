#!/usr/bin/env python3
"""Builds, runs every test suite and sums the results in one last line.

    check.py [--preset release] [--build-dir build] [SUITE...]

Suites: lit (IR tests and GoogleTest), python (pytest), format (clang-format).
A suite that fails does not keep the others from running. Suites report
through JUnit XML; one without a report counts as a single test that passes
when its command does. The exit code is 0 only if nothing failed.
"""

import argparse
import os
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@dataclass
class Result:
    passed: int = 0
    failed: list = field(default_factory=list)  # test names
    skipped: dict = field(default_factory=lambda: defaultdict(list))  # reason: names

    def add(self, other):
        self.passed += other.passed
        self.failed += other.failed
        for reason, names in other.skipped.items():
            self.skipped[reason] += names

    def summary(self):
        skipped = sum(map(len, self.skipped.values()))
        return f"{self.passed} passed, {len(self.failed)} failed, {skipped} skipped"


def read_junit(path):
    """The results in a JUnit XML file, as lit and pytest write it."""
    result = Result()
    for case in ET.parse(path).iter("testcase"):
        name = f"{case.get('classname')}.{case.get('name')}"
        skipped = case.find("skipped")
        if case.find("failure") is not None or case.find("error") is not None:
            result.failed.append(name)
        elif skipped is not None:
            result.skipped[skipped.get("message") or "no reason given"].append(name)
        else:
            result.passed += 1
    return result


def announce(name, command):
    text = " ".join(map(str, command))
    print(f"== {name}: {text[:110]}{'...' if len(text) > 110 else ''}", flush=True)


def run_suite(name, command, report=None, env=None):
    """Runs one suite; what it cannot account for is one failure of its own."""
    announce(name, command)
    if report:
        report.unlink(missing_ok=True)
    start = time.monotonic()
    try:
        status = subprocess.run(command, cwd=ROOT, env=env).returncode
    except OSError as error:
        print(f"{name}: {error}")
        status = 127
    if report is None:
        result = Result(passed=int(status == 0))
    else:
        try:
            result = read_junit(report)
        except (OSError, ET.ParseError) as error:
            print(f"{name}: no readable report: {error}")
            result, status = Result(), status or 1
    if status != 0 and not result.failed:
        result.failed.append(f"{name} (exit code {status})")
    print(f"== {name}: {result.summary()} in {time.monotonic() - start:.1f} s", flush=True)
    return result


def fresh_cache(folder, compiler):
    """A folder for machine code that the compiler made in runs before: as ccache, but of the programs of the tests.
    Emptied when there is a newer compiler, which would not use it."""
    if folder.exists() and compiler.stat().st_mtime > folder.stat().st_mtime:
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def build(preset, env):
    """Compiles; only a failure is a result."""
    command = ["make", "--no-print-directory", "compile", f"PRESET={preset}"]
    announce("build", command)
    status = subprocess.run(command, cwd=ROOT, env=env).returncode
    return Result(failed=["build"] if status else [])


def cpp_files():
    listed = subprocess.run(
        ["git", "ls-files", "*.cpp", "*.h", "*.c"],
        cwd=ROOT, capture_output=True, text=True, check=True)
    return listed.stdout.split()


def suites(build_dir):
    """name: (command, JUnit report or None), in the order they run."""
    reports = build_dir / "check"
    reports.mkdir(parents=True, exist_ok=True)
    prefix = subprocess.run(["llvm-config-22", "--prefix"], capture_output=True, text=True).stdout
    lit = Path(prefix.strip()) / "bin" / "lit"
    return {
        "format": (["clang-format-22", "--dry-run", "--Werror", *cpp_files()], None),
        "lit": ([lit, "-sv", "--no-progress-bar", "--xunit-xml-output", reports / "lit.xml", build_dir / "test"],
                reports / "lit.xml"),
        "python": ([sys.executable, "-m", "pytest", "-q", "-n", "auto", "--dist", "loadgroup",
                    f"--junitxml={reports / 'python.xml'}"],
                   reports / "python.xml"),
    }


def print_details(result):
    for reason, names in result.skipped.items():
        shown = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
        print(f"skipped {len(names)}: {reason}: {shown}")
    for name in result.failed:
        print(f"failed: {name}")


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", default="release")
    parser.add_argument("--build-dir", type=Path, default=Path("build"))
    parser.add_argument("suites", nargs="*")
    args = parser.parse_args(argv)
    build_dir = ROOT / args.build_dir
    env = dict(os.environ, SSM_BUILD_DIR=str(build_dir))

    total = build(args.preset, env)
    if not total.failed:
        env["MLIR_SSM_CACHE_DIR"] = str(fresh_cache(build_dir / "check" / "cache", build_dir / "bin" / "ssm-run"))
        known = suites(build_dir)
        for name in args.suites or known:
            if name not in known:
                parser.error(f"no suite '{name}'; there are: {', '.join(known)}")
            total.add(run_suite(name, *known[name], env=env))
    print_details(total)
    print(total.summary())
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main())
