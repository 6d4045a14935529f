"""What limits a kernel, from what the emulator counts: its time on each pipe beside that on memory."""

import numpy as np
import pytest
from emulator import BYTES, RATES, count_cycles, emulate, run_case
from gpu_scans import GatedUnit, Mamba
from mlir_text import Recurrence


@pytest.mark.parametrize("case, kernel", [
    (Recurrence("rt,,,rt->rt", {"r": 2, "t": 4096}), "row_scan"),
    (Recurrence("t,,,t->t", {"t": 8 * 4096}), "look_back"),
    (Recurrence("bth,,,bth->bth", {"b": 2, "t": 512, "h": 128}), "column_scan"),
], ids=lambda x: x if isinstance(x, str) else x.name)
def test_memory_binds_scans(case, kernel):
    _, report = run_case(case)
    assert report["launch"]["kernel"] == kernel
    cycles = count_cycles(report)
    memory = cycles.pop("memory")
    assert max(cycles.values()) <= 0.5 * memory, cycles


@pytest.mark.parametrize("sizes, layout, kernel", [([1, 2, 2048], "bht", "row_scan"), ([1, 2, 8 * 2048], "bht", "look_back"),
                                                   ([1, 32, 512], "bth", "column_scan")])
def test_memory_binds_gated_units(sizes, layout, kernel):
    """With their gates: three exponentials, a root and two quotients for each step."""
    case = GatedUnit("", sizes, "", layout=layout)
    _, report = emulate(case.text(), case.inputs(np.random.default_rng(1)), [(case.shape, np.float32)])
    assert report["launch"]["kernel"] == kernel
    cycles = count_cycles(report)
    memory = cycles.pop("memory")
    assert max(cycles.values()) <= 0.5 * memory, cycles


def test_powers_do_not_bind_where_f64_is_slow():
    """Those of a steady complex transition, in each of two tiles: in f64 they would take twice as long as memory does.

    Rates of an RTX 5090 (NVIDIA, RTX Blackwell white paper), which has two FMAs of f64 a cycle; of memory all it could move.
    """
    _, report = run_case(Recurrence("r,,,rt->rt", {"r": 1, "t": 4096}, complex="auh"), chip="sm_120")
    assert report["launch"]["kernel"] == "look_back"
    rates = RATES | {"float64": 2}
    memory = 32 * report["global"]["sectors"] / (1.792e12 / 170 / 2.407e9)
    cycles = {name: report["instructions"][name] / rate for name, rate in rates.items()}
    assert max(cycles.values()) <= 0.5 * memory, (cycles, memory)


@pytest.mark.parametrize("factor, products", [(dict(complex="abc", projection="twice_real"), 2), ({}, 1)], ids=["complex", "real"])
def test_multiplications_bind_products(factor, products):
    """A real number times a complex one is two FMAs; shared memory is next, with rows that lanes share and columns.

    The emulator counts integers that are part of addresses on the machine. Of memory counts what there is to read and
    write: blocks that run together read the same.
    """
    case = Recurrence("n,ni,on,bti->bto", {"b": 1, "t": 128, "n": 128, "i": 256, "o": 256}, **factor)
    (y, _), report = run_case(case)
    assert report["launch"]["kernel"] == "matrix_product, row_scan, matrix_product"
    floor = 128 * 128 * 512 * products / RATES["float"]
    cycles = count_cycles(report)
    states = 128 * 128 * 4 * products
    memory = (sum(x.nbytes for x in case.inputs.values()) + y.nbytes + 4 * states) / BYTES
    assert floor < cycles["float"] <= 1.15 * floor
    assert max(memory, cycles["special"], cycles["shuffle"]) <= 0.7 * floor, (memory, cycles)
    assert cycles["shared"] <= 0.95 * floor, cycles


def test_exponentials_bind_a_selective_scan():
    """With its softplus and gate, no pipe takes much longer than the exponentials of the states alone do.

    Of memory counts what there is to read and write: blocks that run together read the same B and C.
    """
    case = Mamba("", [1, 256, 64, 16], "")
    _, report = emulate(case.text(), case.inputs(np.random.default_rng(1)), [(case.shape[:3], np.float32)])
    floor = case.exponentials / RATES["special"]
    cycles = count_cycles(report) | {"memory": case.bytes / BYTES}
    assert floor < max(cycles.values()) <= 1.15 * floor, cycles
    assert report["global"]["sectors"] <= 1.02 * report["global"]["ideal_sectors"]
    assert report["shared"]["wavefronts"] <= 1.1 * report["shared"]["ideal_wavefronts"]
