"""ssm.associative_scan: both strategies equal the fold of the oracle."""

import numpy as np
import pytest
from mlir_text import Scan, check, compute

LENGTHS = [0, 1, 2, 3, 63, 64, 65, 1000, 4096, 65536]
STRATEGIES = ["sequential", "tree_scan"]


def affine(dtype):
    """x_t = a_t x_{t-1} + b_t: the pair does not commute."""
    def data(rng, shape):
        return rng.uniform(0.9, 0.9989, shape), rng.standard_normal(shape)
    return dict(title=f"affine {dtype}", elements=[dtype, dtype], dtype=dtype, data=data, combiner=f"""
    %a = arith.mulf %r0, %l0 : {dtype}
    %s = arith.mulf %r0, %l1 : {dtype}
    %b = arith.addf %s, %r1 : {dtype}
    ssm.yield %a, %b : {dtype}, {dtype}""", fn=lambda l, r: (r[0] * l[0], r[0] * l[1] + r[1]),
                identity=["1.0", "0.0"])


def rotation(dtype):
    """Products of 2x2 matrices: rotations do commute, shears between them do not."""
    def data(rng, shape):
        angle, shear = rng.uniform(-3, 3, shape), rng.uniform(-0.1, 0.1, shape)
        c, s = 0.99 * np.cos(angle), 0.99 * np.sin(angle)
        return c, c * shear - s, s, s * shear + c

    def fn(l, r):
        return (r[0] * l[0] + r[1] * l[2], r[0] * l[1] + r[1] * l[3],
                r[2] * l[0] + r[3] * l[2], r[2] * l[1] + r[3] * l[3])
    lines = [f"""
    %p{i}{j} = arith.mulf %r{2 * i}, %l{j} : {dtype}
    %q{i}{j} = arith.mulf %r{2 * i + 1}, %l{2 + j} : {dtype}
    %m{i}{j} = arith.addf %p{i}{j}, %q{i}{j} : {dtype}""" for i in (0, 1) for j in (0, 1)]
    return dict(title=f"rotation {dtype}", elements=[dtype] * 4, dtype=dtype, data=data, fn=fn,
                combiner="".join(lines) + f"\n    ssm.yield %m00, %m01, %m10, %m11 : {', '.join([dtype] * 4)}",
                identity=["1.0", "0.0", "0.0", "1.0"])


def maximum(dtype):
    return dict(title=f"max {dtype}", elements=[dtype], dtype=dtype, identity=["-1.0e30"],
                fn=lambda l, r: (np.maximum(l[0], r[0]),), data=lambda rng, shape: (rng.standard_normal(shape),),
                combiner=f"""
    %m = arith.maximumf %l0, %r0 : {dtype}
    ssm.yield %m : {dtype}""")


def log_sum_exp(dtype):
    """RWKV-4's sums of v e^k and e^k that decay by e^w a step, all scaled by e^-o.

    The decay since the last element is a part of the tuple: (w, o, p, q).
    """
    def data(rng, shape):
        k, v = rng.uniform(-3, 3, shape), rng.standard_normal(shape)
        return -rng.uniform(0.05, 1, shape), k, v, np.ones(shape)

    def fn(l, r):
        shifted = l[1] + r[0]
        m = np.maximum(shifted, r[1])
        left, right = np.exp(shifted - m), np.exp(r[1] - m)
        return l[0] + r[0], m, left * l[2] + right * r[2], left * l[3] + right * r[3]
    return dict(title=f"log-sum-exp {dtype}", elements=[dtype] * 4, dtype=dtype, data=data, fn=fn,
                identity=["0.0", "-1.0e30", "0.0", "0.0"], combiner=f"""
    %w = arith.addf %l0, %r0 : {dtype}
    %shifted = arith.addf %l1, %r0 : {dtype}
    %m = arith.maximumf %shifted, %r1 : {dtype}
    %dl = arith.subf %shifted, %m : {dtype}
    %dr = arith.subf %r1, %m : {dtype}
    %el = math.exp %dl : {dtype}
    %er = math.exp %dr : {dtype}
    %pl = arith.mulf %el, %l2 : {dtype}
    %pr = arith.mulf %er, %r2 : {dtype}
    %p = arith.addf %pl, %pr : {dtype}
    %ql = arith.mulf %el, %l3 : {dtype}
    %qr = arith.mulf %er, %r3 : {dtype}
    %q = arith.addf %ql, %qr : {dtype}
    ssm.yield %w, %m, %p, %q : {', '.join([dtype] * 4)}""")


def segmented(dtype):
    """The lift of any combiner, here of the affine pair: a flag starts anew."""
    inner = affine(dtype)
    lines = inner["combiner"][: inner["combiner"].rindex("ssm.yield")]
    for side in "lr":
        lines = lines.replace(f"%{side}1", f"%{side}2").replace(f"%{side}0", f"%{side}1")

    def fn(l, r):
        a, b = inner["fn"](l[1:], r[1:])
        return l[0] | r[0], np.where(r[0], r[1], a), np.where(r[0], r[2], b)
    return dict(title=f"segmented {dtype}", elements=["i1", dtype, dtype], dtype=dtype, fn=fn,
                data=lambda rng, shape: (rng.uniform(0, 1, shape) < 0.03, *inner["data"](rng, shape)),
                combiner=f"""{lines}%flag = arith.ori %l0, %r0 : i1
    %a2 = arith.select %r0, %r1, %a : {dtype}
    %b2 = arith.select %r0, %r2, %b : {dtype}
    ssm.yield %flag, %a2, %b2 : i1, {dtype}, {dtype}""")


def add_i64():
    return dict(title="add i64", elements=["i64"], fn=lambda l, r: (l[0] + r[0],), identity=["0"], combiner="""
    %s = arith.addi %l0, %r0 : i64
    ssm.yield %s : i64""", data=lambda rng, shape: (rng.integers(-2**40, 2**40, shape),))


def argmax():
    """A tuple of mixed types; the first of equal values wins."""
    def data(rng, shape):
        return rng.integers(0, 50, shape), rng.integers(0, 2**40, shape)
    return dict(title="argmax", elements=["f32", "i64"], data=data, identity=["-1.0", "0"], combiner="""
    %right = arith.cmpf ogt, %r0, %l0 : f32
    %v = arith.select %right, %r0, %l0 : f32
    %i = arith.select %right, %r1, %l1 : i64
    ssm.yield %v, %i : f32, i64""",
                fn=lambda l, r: (np.where(r[0] > l[0], r[0], l[0]), np.where(r[0] > l[0], r[1], l[1])))


def last():
    """The right element: associative, not commutative, and without a left identity."""
    return dict(title="last", elements=["f64"], fn=lambda l, r: (r[0] + 0 * l[0],), dtype="f64",
                combiner="\n    ssm.yield %r0 : f64", data=lambda rng, shape: (rng.standard_normal(shape),))


def cases(dtype):
    out = [Scan(**affine(dtype), shape=[n, 3], axis=0) for n in LENGTHS]
    out += [Scan(**rotation(dtype), shape=[n], axis=0, dynamic=True) for n in (LENGTHS if dtype == "f32" else (0, 65))]
    for k, (shape, axis) in enumerate([([3, 100], 1), ([100, 5, 2], 0), ([2, 100, 17], 1), ([2, 3, 65], 2),
                                       ([1, 200, 1], 1)]):
        out += [Scan(**affine(dtype), shape=shape, axis=axis, dynamic=(k + exclusive) % 2 == 0, exclusive=exclusive,
                     reverse=(k // 2 + exclusive) % 2 == 0) for exclusive in (False, True)]
    out += [Scan(**rotation(dtype), shape=[2, n], axis=1, exclusive=True, reverse=reverse)
            for n, reverse in ((0, False), (1, True), (2, False), (129, True), (300, False))]
    out += [Scan(**kind(dtype), shape=shape, axis=axis, reverse=reverse)
            for kind in (maximum, log_sum_exp, segmented)
            for shape, axis, reverse in (([1000], 0, False), ([2, 300], 1, True), ([129, 20], 0, False))]
    # Along contiguous time, by blocks: lanes and steps that fill none, and more of both.
    out += [Scan(**kind(dtype), shape=[2, rows, n], axis=2, reverse=reverse, exclusive=exclusive, dynamic=rows == 37)
            for kind in (affine, rotation, maximum, log_sum_exp) for exclusive in (False, True)
            for rows, n, reverse in ((37, 200, False), (16, 64, True), (5, 130, True), (5, 129, False))]
    out += [Scan(**kind(dtype), shape=[3, 200], axis=1, exclusive=True, dynamic=True) for kind in (maximum, log_sum_exp)]
    return out


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("dtype", ["f32", "f64"])
def test_equals_fold(dtype, strategy):
    check(cases(dtype), dtype, strategy)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_exact_combiners_are_exact(strategy):
    chosen = [Scan(**kind, shape=[n, 5] if axis == 0 else [5, n], axis=axis, reverse=reverse)
              for kind in (add_i64(), argmax(), last()) for n, axis, reverse in (
                  (1, 0, False), (2, 1, True), (65, 1, False), (1000, 0, True))]
    chosen += [Scan(**kind, shape=[n, 5] if axis == 0 else [5, n], axis=axis, exclusive=True, reverse=reverse,
                    dynamic=True) for kind in (add_i64(), argmax()) for axis in (0, 1)
               for n, reverse in ((1, False), (2, True), (300, False), (65, True))]
    for case, results in zip(chosen, compute(chosen, strategy), strict=True):
        for got, want in zip(results, case.oracle, strict=True):
            np.testing.assert_array_equal(got, want, err_msg=case.name)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_poison_reaches_no_earlier_prefix(strategy):
    clean, dirty = (Scan(**affine("f32"), shape=[200, 9], axis=0) for _ in range(2))
    dirty.inputs["s1_"] = clean.inputs["s1_"].copy()
    dirty.inputs["s1_"][130, 4] = np.nan
    (_, x), (_, z) = compute([clean, dirty], strategy)
    assert np.isnan(z[130:, 4]).all()
    z[130:, 4] = x[130:, 4]
    np.testing.assert_array_equal(z, x)
