"""Medians of times of the device, for results that are right."""

import ctypes
import statistics

import numpy as np
from gpu_driver import Absent, Buffer, Kernel


def time_peer(make, inputs, repeats):
    torch, call = make(inputs)
    seconds = []
    for _ in range(repeats + 1):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        call()
        end.record()
        torch.cuda.synchronize()
        seconds.append(start.elapsed_time(end) * 1e-3)
    return statistics.median(seconds[1:])


def measure_copy(driver, size, repeats):
    """Bytes a second, read and written, of a copy on the device."""
    source, target = Buffer(driver, size), Buffer(driver, size)
    seconds = driver.time((lambda: None, lambda: driver(
        "cuMemcpyDtoDAsync_v2", target.address, source.address, ctypes.c_size_t(size), None)), repeats)
    source.free(), target.free()
    return 2 * size / statistics.median(seconds)


def measure(driver, case, stem, copy, repeats):
    """One record of ours and one of each peer."""
    inputs = case.inputs(np.random.default_rng(0))
    record = dict(case=case.name, kernel=case.kernel, peer="ssm", bar=case.bar, error=None, median_s=None)
    kernel = Kernel(driver, stem)
    record["chosen"] = kernel.launch["kernel"]
    prepare, run, read = kernel.bind(inputs)
    prepare()
    run()
    record["error"] = case.error(inputs, read())
    if not record["error"] <= case.bound:
        kernel.free()
        return [record | dict(note=f"wrong: off by {record['error']:.1e}, allowed {case.bound:.0e}")]
    record["median_s"] = statistics.median(driver.time((prepare, run), repeats))
    kernel.free()
    record["of_copy"] = case.bytes / record["median_s"] / copy
    if case.exponentials:
        record["of_exponentials"] = case.exponentials / record["median_s"] / driver.exponentials
    records = [record]
    for name, make in case.peers().items():
        peer = dict(case=case.name, kernel=case.kernel, peer=name, median_s=None)
        try:
            peer["median_s"] = time_peer(make, inputs, repeats)
            peer["ratio"] = peer["median_s"] / record["median_s"]
        except Absent as absent:
            peer["note"] = f"skipped: {absent}"
        records.append(peer)
    return records
