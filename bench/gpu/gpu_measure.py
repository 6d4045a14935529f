"""Medians of times of the device, for results that are right."""

import ctypes
import math
import statistics

import numpy as np
from gpu_driver import Absent, Buffer, Kernel
from gpu_peers import OnDevice


class Timer:
    """Medians of seconds on the device.

    Before each run memory is cleared that is larger than the caches: they hold nothing of the last
    run, and meanwhile the host asks for all of the next, so that no gap between its kernels is the host's.
    """

    def __init__(self, driver, repeats, quick):
        self.driver, self.repeats = driver, repeats
        self.cleared = Buffer(driver, 1 << (20 if quick else 32))

    def __call__(self, run, prepare=lambda: None):
        """The first run is not timed."""
        def ready():
            prepare()
            self.cleared.clear()

        return statistics.median(self.driver.time(ready, run, self.repeats + 1)[1:])


def measure_copy(driver, timer, size):
    """Bytes a second, read and written, of a copy on the device."""
    source, target = Buffer(driver, size), Buffer(driver, size)
    seconds = timer(lambda: driver("cuMemcpyDtoDAsync_v2", target.address, source.address, ctypes.c_size_t(size), None))
    source.free(), target.free()
    return 2 * size / seconds


def measure_product(timer, peers, size):
    """Operations a second of torch's product of matrices of bf16, two for each product of numbers."""
    return 2 * size**3 / timer(peers.product(size))


class Measurement:
    """Of a case: one record of ours, and one of each peer.

    `rates` are the machine's: of its copy, its exponentials and its products of bf16, if those are known.
    """

    def __init__(self, driver, timer, rates, peers):
        self.driver, self.timer, self.rates, self.peers = driver, timer, rates, peers

    def records(self, case, stem):
        inputs = case.inputs(np.random.default_rng(0))
        kernel = Kernel(self.driver, stem)
        try:
            ours = self.measure(case, kernel, inputs)
            yield ours
            if ours["median_s"]:
                for name, make in case.peers().items():
                    yield self.measure_peer(case, name, make, kernel, ours["median_s"])
                    self.peers.release()
        finally:
            kernel.free()

    def measure(self, case, kernel, inputs):
        record = dict(case=case.name, kernel=case.kernel, peer="ssm", bar=case.bar, median_s=None, chosen=kernel.launch["kernel"])
        kernel.bind(inputs)
        kernel.prepare()
        kernel.run()
        record["error"] = case.error(inputs, kernel.read())
        if not record["error"] <= case.bound:
            return record | dict(note=f"wrong: off by {record['error']:.1e}, allowed {case.bound:.0e}")
        record["median_s"] = self.timer(kernel.run, kernel.prepare)
        return record | self.shares(case, record["median_s"])

    def shares(self, case, seconds):
        work = dict(copy=case.bytes, exponentials=case.exponentials, products=2 * getattr(case, "products", 0))
        return {f"of_{what}": amount / seconds / self.rates[what] for what, amount in work.items() if amount and what in self.rates}

    def measure_peer(self, case, name, make, kernel, ours):
        """Of the peer's programs that do the same, the fastest; results may differ by more than ours from what is right."""
        record = dict(case=case.name, kernel=case.kernel, peer=name, median_s=None)
        try:
            torch = self.peers.torch
            inputs = [OnDevice(*array).to_torch(torch) for array in kernel.inputs]
            result, = (OnDevice(*array).to_torch(torch) for array in kernel.outputs)
            programs = make(self.peers, *inputs)
            record["error"] = max(distance(torch, run(), result) for run in programs)
            if not record["error"] <= (allowed := max(1e-3, 4 * case.bound)):
                return record | dict(note=f"wrong: off from ours by {record['error']:.1e}, allowed {allowed:.0e}")
            seconds = min(self.timer(run) for run in programs)
            return record | dict(median_s=seconds, ratio=seconds / ours) | self.shares(case, seconds)
        except Absent as absent:
            return record | dict(note=f"skipped: {absent}")
        except Exception as error:  # Of whatever kind others have: the next case is not concerned.
            return record | dict(note=f"failed: {type(error).__name__}: {' '.join(str(error).split())[:200]}")


def distance(torch, got, want):
    """The norm of the difference of two tensors by that of the second, infinite if it is not a number."""
    if got.shape != want.shape:
        raise ValueError(f"its result has the shape {tuple(got.shape)}, ours {tuple(want.shape)}")
    square = lambda x: float(torch.linalg.vector_norm(x, dtype=torch.float32))
    error = square(got.float() - want.float()) / square(want)
    return error if math.isfinite(error) else math.inf
