"""Scans of a combiner by the kernels for rows and columns, against the fold of the oracle."""

import numpy as np
import pytest
from emulator import emulate
from harness import DTYPES
from mlir_text import Scan, program

# x -> a x + b of integers modulo 2^64: exact, and does not commute.
AFFINE = dict(title="affine i64", elements=["i64", "i64"], identity=["1", "0"],
              data=lambda rng, shape: rng.integers(-2**62, 2**62, (2, *shape)),
              fn=lambda l, r: (r[0] * l[0], r[0] * l[1] + r[1]), combiner="""
    %a = arith.muli %r0, %l0 : i64
    %s = arith.muli %r0, %l1 : i64
    %b = arith.addi %s, %r1 : i64
    ssm.yield %a, %b : i64, i64""")

# Types of different sizes; the first of equal values wins.
ARGMAX = dict(title="argmax", elements=["f32", "i64"], identity=["-1.0", "0"],
              data=lambda rng, shape: (rng.integers(0, 50, shape), rng.integers(0, 2**40, shape)),
              fn=lambda l, r: (np.where(r[0] > l[0], r[0], l[0]), np.where(r[0] > l[0], r[1], l[1])), combiner="""
    %right = arith.cmpf ogt, %r0, %l0 : f32
    %v = arith.select %right, %r0, %l0 : f32
    %i = arith.select %right, %r1, %l1 : i64
    ssm.yield %v, %i : f32, i64""")


def soft_sum(l, r):
    m = np.maximum(l[0], r[0])
    return m, l[1] * np.exp(l[0] - m) + r[1] * np.exp(r[0] - m)


# Sums of e^k, scaled by the largest.
SOFT_SUM = dict(title="sums of exponentials", elements=["f32", "f32"], identity=["-1.0e30", "0.0"], fn=soft_sum,
                data=lambda rng, shape: (rng.uniform(-5, 5, shape), np.ones(shape)), combiner="""
    %m = arith.maximumf %l0, %r0 : f32
    %x = arith.subf %l0, %m : f32
    %y = arith.subf %r0, %m : f32
    %ex = math.exp %x : f32
    %ey = math.exp %y : f32
    %p = arith.mulf %l1, %ex : f32
    %q = arith.mulf %r1, %ey : f32
    %s = arith.addf %p, %q : f32
    ssm.yield %m, %s : f32, f32""")


def run(case, seed=3):
    outputs = [(case.shape, DTYPES[e]) for e in case.elements]
    return emulate(program([case]), list(case.inputs.values()), outputs, case.shape if case.dynamic else (), seed=seed)


@pytest.mark.filterwarnings("ignore:overflow")  # of the oracle's integers, as it should
@pytest.mark.parametrize("case, kernel", [
    (Scan(**AFFINE, shape=[3, 700], axis=1), "row_scan"),
    (Scan(**AFFINE, shape=[2, 2, 300], axis=2, exclusive=True, dynamic=True), "row_scan"),
    (Scan(**AFFINE, shape=[2, 5000], axis=1), "look_back"),
    (Scan(**AFFINE, shape=[9001], axis=0, exclusive=True, dynamic=True), "look_back"),
    (Scan(**AFFINE, shape=[2, 5001], axis=1, reverse=True), "look_back"),
    (Scan(**ARGMAX, shape=[2, 5000], axis=1), "look_back"),
    (Scan(**ARGMAX, shape=[3, 260], axis=1, reverse=True), "row_scan"),
    (Scan(**ARGMAX, shape=[5, 257], axis=1), "row_scan"),
    (Scan(**AFFINE, shape=[2, 19, 70], axis=1), "column_scan"),
    (Scan(**AFFINE, shape=[33, 5], axis=0, exclusive=True, reverse=True, dynamic=True), "column_scan"),
], ids=lambda x: x if isinstance(x, str) else x.name)
def test_exact_combiners_are_exact(case, kernel):
    results, report = run(case)
    for got, want in zip(results, case.oracle, strict=True):
        np.testing.assert_array_equal(got, want)
    assert report["races"] == 0 and report["launch"]["kernel"] == kernel


def test_channels_last_move_whole_sectors():
    _, report = run(Scan(**ARGMAX, shape=[2, 30, 64], axis=1))
    traffic = report["global"]
    assert traffic["sectors"] == traffic["ideal_sectors"] and traffic["bytes"] == 2 * 12 * 2 * 30 * 64


def test_exponentials():
    case = Scan(**SOFT_SUM, shape=[2, 9000], axis=1)
    (m, s), report = run(case)
    np.testing.assert_array_equal(m, case.oracle[0])
    np.testing.assert_allclose(s, case.oracle[1], rtol=1e-5)
    assert report["races"] == 0 and report["launch"]["kernel"] == "look_back"
