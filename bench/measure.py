"""Programs that compute the same thing, timed in turn on the same arrays.

One round calls each contestant once; what changes on the machine while the
rounds go on meets all of them. Times of one round are compared with each other
("pair by pair"), and the ratio reported is the median over the rounds.
"""

import statistics
import time

import numpy as np
from machine import Others

ALIGNMENT = 64


def empty(shape, dtype=np.float32):
    """An array whose data is aligned to a cache line."""
    dtype = np.dtype(dtype)
    count = int(np.prod(shape, dtype=np.int64))
    room = np.zeros(count * dtype.itemsize + ALIGNMENT, np.uint8)
    start = -room.ctypes.data % ALIGNMENT
    return room[start : start + count * dtype.itemsize].view(dtype).reshape(shape)


def aligned(array, dtype=np.float32):
    out = empty(np.shape(array), dtype)
    out[...] = array
    return out


def error_norm(result, expected):
    """|result - expected| / |expected|, L2 over the whole array."""
    result, expected = np.asarray(result), np.asarray(expected)
    if result.shape != expected.shape:
        raise ValueError(f"a result has shape {result.shape}, expected {expected.shape}")
    wide = np.complex128 if np.iscomplexobj(expected) else np.float64
    difference = np.linalg.norm((result.astype(wide) - expected).ravel())
    return float(difference / (np.linalg.norm(expected.ravel()) or 1))


# Calls that are not timed go on for so long. Five calls of some programs go by until
# the last cache holds their arrays, and not those of the program before; and a core
# that has slept beside programs of one thread is slower for some 15 ms.
WARM = 0.02


class Effort:
    """How long to measure."""

    def __init__(self, rounds=25, seconds=1.0, sample=5e-4, pause=0.0, warm=WARM):
        self.rounds = rounds    # samples of each contestant, at most
        self.seconds = seconds  # for each contestant; two samples in any case
        self.sample = sample    # a sample of fast code is as many calls as take this long
        self.pause = pause      # before a sample: idle workers fall asleep
        self.warm = warm        # calls that are not timed take as long after that

    @staticmethod
    def quick():
        return Effort(rounds=1, seconds=0, sample=0, warm=0)

    @staticmethod
    def brief(threads):
        """For the many points of a curve or of a grid."""
        return Effort(rounds=9, seconds=0.15, pause=Effort.pause_for(threads))

    @staticmethod
    def full(threads):
        return Effort(pause=Effort.pause_for(threads))

    @staticmethod
    def pause_for(threads):
        return 0.003 if threads > 1 else 0.0


def seconds(call, count=1):
    start = time.perf_counter()
    for _ in range(count):
        call()
    return (time.perf_counter() - start) / count


class Contestant:
    def __init__(self, peer, call, error, more):
        self.peer, self.call, self.error, self.more = peer, call, error, more
        self.samples, self.spent = {}, 0.0  # round: seconds
        self.once = seconds(call)

    def sample(self, number, effort):
        enough = min(2, effort.rounds)
        if len(self.samples) >= enough and self.spent > effort.seconds:
            return
        time.sleep(effort.pause)
        if self.once < 0.05:
            self.call()  # the previous contestant has left other data in the caches
        begin = time.perf_counter()
        while time.perf_counter() - begin < effort.warm - self.once:
            self.call()
        count = max(1, round(effort.sample / max(self.once, 1e-7)))
        self.samples[number] = seconds(self.call, count)
        self.spent += self.samples[number] * count


READY = " with the spectrum"  # ends the names of convolutions whose kernel was transformed before


class Race:
    """The contestants of one task. The others are compared with the "ssm" that
    was chosen, or else the first; those "with the spectrum" with the "ssm" that
    has it. One that is not active does nothing."""

    def __init__(self, report, task, effort, active=True):
        self.report, self.task, self.effort, self.active = report, task, effort, active
        self.contestants = []

    def add(self, *record, **more):
        """A record that is not of a contestant."""
        if self.active:
            self.report.add(self.task, *record, **more)

    def enter(self, peer, make, check=None, note="", **more):
        """`make()` prepares and returns the function to time, which returns
        its results; `check(results)` is their error. What cannot be prepared
        or fails becomes a record that says why."""
        if not self.active:
            return
        try:
            call = make()
            result = call()
            error = check(result) if check else None
            self.contestants.append(Contestant(peer, call, error, dict(note=note, **more)))
        except Absent as absent:
            self.add(peer, note=f"skipped: {absent}", **more)
        except Exception as failure:
            text = (str(failure).strip().splitlines() or [""])[0]
            self.add(peer, note=f"failed: {type(failure).__name__}: {text}", **more)

    def compile(self, make):
        """Our code, or None and a record that says why not."""
        try:
            return make() if self.active else None
        except Exception as failure:
            self.add("ssm", note=f"failed: {failure}")

    def run(self):
        """Times all that have entered and writes their records; the faster of
        the triads among them is the limit."""
        others = Others()
        for number in range(self.effort.rounds):
            # Every other round goes backward: nobody always follows the same.
            for contestant in self.contestants[:: 1 if number % 2 == 0 else -1]:
                contestant.sample(number, self.effort)
        busy = others.average()
        for c in self.contestants:
            self.add(c.peer, **self.summary(c), others=busy, **c.more)
        bounds = [c for c in self.contestants if c.peer.startswith("triad")]
        if bounds:
            best = min(bounds, key=lambda c: statistics.median(c.samples.values()))
            self.add("limit", **self.summary(best), others=busy, note=best.peer)

    def summary(self, c):
        """What a record says of a contestant's samples."""
        suffix = READY if c.peer.endswith(READY) else ""
        ours = [x for x in self.contestants if x.peer == "ssm" + suffix]
        base = next((x for x in ours if x.more.get("chosen")), ours[0] if ours else None)
        times = list(c.samples.values())
        pairs = [c.samples[n] / base.samples[n] for n in c.samples if n in base.samples] if base else []
        return dict(min_s=min(times), median_s=statistics.median(times), error=c.error, samples=len(times),
                    ratio=statistics.median(pairs) if pairs else None)


class Absent(Exception):
    """A peer that is not installed, or does not compute this task."""
