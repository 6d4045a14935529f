"""What limits a kernel, from what the emulator counts: its time on each pipe beside that on memory.

Rates are of a multiprocessor of an H100 or H200 in a cycle: lanes of the pipes
(NVIDIA, H100 white paper), and its share of a copy of 4.3 TB/s at 1.755 GHz.
"""

import pytest
from emulator import run_case
from mlir_text import Recurrence

BYTES = 4.3e12 / 132 / 1.755e9
RATES = {"float": 128, "float64": 64, "special": 16, "integer": 64, "shuffle": 32}


@pytest.mark.parametrize("case, kernel", [
    (Recurrence("rt,,,rt->rt", {"r": 2, "t": 4096}), "row_scan"),
    (Recurrence("t,,,t->t", {"t": 8 * 4096}), "look_back"),
    (Recurrence("bth,,,bth->bth", {"b": 2, "t": 64, "h": 128}), "channel_scan"),
], ids=lambda x: x if isinstance(x, str) else x.name)
def test_memory_binds_scans(case, kernel):
    _, report = run_case(case)
    assert report["launch"]["kernel"] == kernel
    memory = 32 * report["global"]["sectors"] / BYTES
    pipes = {name: report["instructions"][name] / rate for name, rate in RATES.items()}
    pipes["shared"] = report["shared"]["wavefronts"]
    assert max(pipes.values()) <= 0.5 * memory, pipes
