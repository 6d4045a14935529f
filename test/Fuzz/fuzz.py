#!/usr/bin/env python3
"""Changed programs through every pass, for a crash: `make fuzz`.

Takes the programs of the tests, changes them (mutate.py), and gives them to
`ssm-opt` with the passes that its test asks for and with whole pipelines. A
program may be refused, by an error, and never ends the tool. One process takes
many programs, one after the other; if it ends, halves of them find the one.
"""

import argparse
import os
import random
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from mutate import mutate

ROOT = Path(__file__).resolve().parents[2]
PIPELINES = [
    ["--ssm-cpu-pipeline"], ["--ssm-cpu-pipeline=target=x86-64-v3"], ["--ssm-lower-to-linalg"],
    ["--ssm-select-strategy", "--ssm-lower-to-linalg"], ["--ssm-select-strategy=force=fft_conv", "--ssm-lower-to-linalg"],
    ["--ssm-select-strategy=force=tree_scan", "--ssm-lower-to-linalg"], ["--ssm-gradient", "--ssm-cpu-pipeline"],
    ["--ssm-derive-step"], ["--ssm-infer-time-invariance", "--ssm-annotate-facts"],
    ["--ssm-gpu-pipeline=chip=sm_90 format=isa"], ["--canonicalize", "--cse"]
]
PASSES = ("--ssm", "--canon", "--cse", "--pass-pipeline", "--allow-unregistered")
SECONDS, BYTES = 20, 6 << 30  # of the processor and of memory, for one program


def programs_of(path):
    """The file's programs, and the passes of its RUN lines."""
    text = path.read_text()
    runs = re.sub(r"\\\n//\s*(?:RUN:)?", " ", text)
    passes = []
    for run in re.findall(r"// RUN: *(?:not )?ssm-opt ([^|\n]*)", runs):
        options = [word for word in shlex.split(run) if word.startswith(PASSES) and "%" not in word]
        if options:
            passes.append(options)
    chunks = re.split(r"^// -----.*$", text, flags=re.M)
    return ["\n".join(line for line in chunk.splitlines() if not line.lstrip().startswith("//")) + "\n"
            for chunk in chunks], passes


# What AddressSanitizer finds ends a program by a code that no error has. LLVM's libraries are not instrumented.
SANITIZER = f"exitcode=99:allow_user_poisoning=0:detect_leaks=0:hard_rss_limit_mb={BYTES >> 20}"


class Fuzzer:
    def __init__(self, tool, folder):
        self.tool, self.folder, self.found = tool, folder, {}
        self.memory = [f"--as={BYTES}"]
        if self.run(["module {}"], []).returncode != 0:
            self.memory = []  # A sanitizer reserves more addresses, and has a limit of its own.
            self.run(["module {}"], []).check_returncode()

    def run(self, programs, options):
        with tempfile.NamedTemporaryFile("w", suffix=".mlir") as file:
            file.write("\n// -----\n".join(programs))
            file.flush()
            command = [self.tool, "--split-input-file", *options, file.name, "-o", os.devnull]
            limits = ["prlimit", *self.memory, f"--cpu={SECONDS * len(programs)}"]
            return subprocess.run([*limits, *command], capture_output=True, text=True, errors="replace",
                                  env={**os.environ, "ASAN_OPTIONS": SANITIZER})

    def status(self, programs, options):
        """How ssm-opt ends on these programs: None, or what is wrong and its last words."""
        done = self.run(programs, options)
        if done.returncode in (0, 1):
            return None
        what = "takes too long" if done.returncode in (-signal.SIGXCPU, -signal.SIGKILL) else f"ends with {done.returncode}"
        return what, done.stderr

    def search(self, programs, options):
        """Halves what ends the tool until one program is left."""
        status = self.status(programs, options)
        if status is None:
            return
        if len(programs) > 1:
            half = len(programs) // 2
            self.search(programs[:half], options)
            self.search(programs[half:], options)
            return
        self.report(programs[0], options, *status)

    def report(self, program, options, what, words):
        frames = [frame for frame in re.findall(r"#\d+ 0x\w+ (\S.*)", words) if "llvm::sys::" not in frame]
        place = next((frame for frame in frames if re.search(r"\b(mlir|llvm|ssm)::|anonymous", frame)), "")
        key = (what, place or tuple(options))
        if key in self.found:
            return
        path = self.folder / f"found-{len(self.found):03}.mlir"
        self.found[key] = path
        path.write_text(f"// ssm-opt {shlex.join(options)}: {what}\n{program}\n")
        print(f"{path}: ssm-opt {shlex.join(options)} {what}\n  {place[:160]}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build-dir", default="build", type=Path)
    parser.add_argument("--seconds", default=600, type=float)
    parser.add_argument("--seed", default=None, type=int)
    parser.add_argument("--only", default="", help="a part of the files' names")
    args = parser.parse_args()
    seed = args.seed if args.seed is not None else random.randrange(1 << 32)
    rng = random.Random(seed)
    folder = args.build_dir / "fuzz"
    folder.mkdir(parents=True, exist_ok=True)
    fuzzer = Fuzzer(str(args.build_dir / "bin" / "ssm-opt"), folder)
    files = [path for top in ("test", "examples") for path in sorted((ROOT / top).rglob("*.mlir")) if args.only in str(path)]
    corpus = [(path, *programs_of(path)) for path in files]
    print(f"fuzz: seed {seed}, {len(files)} files, {args.seconds:.0f} s")
    end, count = time.monotonic() + args.seconds, 0
    while time.monotonic() < end:
        path, programs, passes = rng.choice(corpus)
        options = rng.choice(passes) if passes and rng.random() < 0.6 else rng.choice(PIPELINES)
        changed = [mutate(rng.choice(programs), rng) for _ in range(16)]
        fuzzer.search(changed, options)
        count += len(changed)
    print(f"fuzz: {count} programs, {len(fuzzer.found)} problems")
    return 1 if fuzzer.found else 0


if __name__ == "__main__":
    sys.exit(main())
