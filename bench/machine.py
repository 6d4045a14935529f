"""The machine: what it is, whether it is idle, and how to keep to some of it."""

import importlib.metadata
import os
import platform
import subprocess
import time
from pathlib import Path

# Every program gets the same allocator: large blocks on huge pages, kept for
# the next call. Otherwise a library that returns fresh arrays is charged for
# page faults at each call.
ALLOCATOR = ("glibc.malloc.hugetlb=1:glibc.malloc.mmap_threshold=8589934592:"
             "glibc.malloc.trim_threshold=17179869184:glibc.malloc.top_pad=268435456")

# More cores than this kept busy by other programs spoil a measurement.
IDLE = 0.1


def cores():
    return sorted(os.sched_getaffinity(0))


def environment(threads, plain_malloc=False):
    """The environment of a process that measures with so many threads."""
    count = str(threads)
    allocator = {} if plain_malloc else {"GLIBC_TUNABLES": ALLOCATOR}
    return dict(os.environ, **allocator, OMP_NUM_THREADS=count, OPENBLAS_NUM_THREADS=count, MKL_NUM_THREADS=count,
                # Workers that spin after a loop would take the core from the
                # next program; measure.py gives them time to fall asleep.
                KMP_BLOCKTIME="1", GOMP_SPINCOUNT="100000",
                # Without it the kernel may put both threads of a loop on one
                # core: measured 37 us for an empty loop instead of 2.5 us.
                OMP_PROC_BIND="true",
                # The threads around MKL are those of the pipeline that calls it.
                MKL_THREADING_LAYER="SEQUENTIAL",
                JAX_PLATFORMS="cpu")


def pin(threads):
    """Keeps this process to so many cores, the last ones. To be called before
    libraries size their thread pools."""
    os.sched_setaffinity(0, cores()[-threads:])


class Others:
    """Cores that other programs keep busy, on average since the creation."""

    def __init__(self):
        self.start = self.now()

    @staticmethod
    def now():
        fields = [int(x) for x in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]]
        idle = fields[3] + fields[4]
        busy = (sum(fields[:8]) - idle) / os.sysconf("SC_CLK_TCK")
        own = os.times()
        return time.monotonic(), busy, own.user + own.system + own.children_user + own.children_system

    def average(self):
        (t0, busy0, own0), (t1, busy1, own1) = self.start, self.now()
        # /proc counts in ticks of 10 ms: too short a time says nothing.
        return max(0.0, (busy1 - busy0 - (own1 - own0)) / (t1 - t0)) if t1 - t0 > 0.1 else None


def first_line(*command):
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except OSError:
        return None
    return done.stdout.splitlines()[0].strip() if done.stdout else None


def description():
    """{what: text} for the head of a report."""
    cpu = {}
    for line in (first_line("lscpu") and subprocess.run(["lscpu"], capture_output=True, text=True).stdout or "").splitlines():
        key, _, value = line.partition(":")
        cpu[key.strip()] = value.strip()
    caches = ", ".join(f"{level} {cpu[f'{level} cache']}" for level in ("L1d", "L2", "L3") if f"{level} cache" in cpu)
    text = {"CPU": f"{cpu.get('Model name', platform.machine())} (family {cpu.get('CPU family')}, "
                   f"model {cpu.get('Model')}), {len(cores())} cores",
            "caches": caches, "system": f"{platform.system()} {platform.release()}, glibc {platform.libc_ver()[1]}",
            "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
            "compiler of the C++": first_line("clang++-22", "--version"),
            "Python": platform.python_version()}
    for package in ("numpy", "scipy", "jax", "torch", "mkl"):
        try:
            text[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            text[package] = "absent"
    text["commit"] = first_line("git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty") or "unknown"
    return text
