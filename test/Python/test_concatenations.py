"""--ssm-split-concatenations against NumPy: which parts, where they begin, what hides what, in each dimension."""

import numpy as np
import pytest

import mlir_ssm

BATCH, STEPS, CHANNELS = 3, 37, 20
SHAPE = (BATCH, STEPS, CHANNELS)


def typed(shape):
    return f"tensor<{'x'.join(map(str, shape))}xf32>"


def along(axis, size):
    """The shape with that many elements along the axis."""
    return tuple(size if i == axis else n for i, n in enumerate(SHAPE))


def places(axis, first, shape):
    """The offsets, sizes and strides of a slice."""
    return f"[{', '.join(str(first if i == axis else 0) for i in range(3))}] [{', '.join(map(str, shape))}] [1, 1, 1]"


def program(axis, length, writes, reads):
    """y = x + sum of (i + 1) * whole_i: `whole` of `length` along the axis is 7, then each write (of %0, %1, .. from its
    first element on, so many) at its place; whole_i are `reads` of it, from their first element on."""
    lines, name = [], "%w"
    whole = typed(along(axis, length))
    for i, (place, size) in enumerate(writes):
        part = along(axis, size)
        lines.append(f"%w{i} = tensor.insert_slice %{i} into {name}{places(axis, place, part)} : {typed(part)} into {whole}")
        name = f"%w{i}"
    for i, first in enumerate(reads):
        lines.append(f"%r{i} = tensor.extract_slice {name}{places(axis, first, SHAPE)} : {whole} to {typed(SHAPE)}")
    parts = "".join(f", %{i}: {typed(along(axis, size))}" for i, (_, size) in enumerate(writes))
    same = "affine_map<(b, t, c) -> (b, t, c)>"
    body = [f"%p{i} = arith.mulf %v{i}, %f{i} : f32\n    %s{i + 1} = arith.addf %s{i}, %p{i} : f32" for i in range(len(reads))]
    newline = "\n  "
    return f"""
func.func @f(%x: {typed(SHAPE)}{parts}) -> {typed(SHAPE)} {{
  %seven = arith.constant 7.0 : f32
  {newline.join(f"%f{i} = arith.constant {i + 1}.0 : f32" for i in range(len(reads)))}
  %e = tensor.empty() : {whole}
  %w = linalg.fill ins(%seven : f32) outs(%e : {whole}) -> {whole}
  {newline.join(lines)}
  %out = tensor.empty() : {typed(SHAPE)}
  %y = linalg.generic {{indexing_maps = [{', '.join([same] * (len(reads) + 2))}],
                       iterator_types = ["parallel", "parallel", "parallel"]}}
      ins(%x{''.join(f', %r{i}' for i in range(len(reads)))} : {', '.join([typed(SHAPE)] * (len(reads) + 1))})
      outs(%out : {typed(SHAPE)}) {{
  ^bb0(%s0: f32{''.join(f', %v{i}: f32' for i in range(len(reads)))}, %o: f32):
    {newline.join(body)}
    linalg.yield %s{len(reads)} : f32
  }} -> {typed(SHAPE)}
  return %y : {typed(SHAPE)}
}}
"""


def check(axis, length, writes, reads, threads=1):
    rng = np.random.default_rng(3)
    x = rng.normal(size=SHAPE).astype(np.float32)
    parts = [rng.normal(size=along(axis, size)).astype(np.float32) for _, size in writes]
    whole = np.full(along(axis, length), 7.0)
    take = lambda first, size: tuple(slice(first, first + size) if i == axis else slice(None) for i in range(3))
    for part, (place, size) in zip(parts, writes):
        whole[take(place, size)] = part
    want = x + sum((i + 1) * whole[take(first, SHAPE[axis])] for i, first in enumerate(reads))
    got = mlir_ssm.compile(program(axis, length, writes, reads), entry="f", threads=threads)(x, *parts)
    np.testing.assert_allclose(got, want, rtol=1e-6, atol=1e-5)


@pytest.mark.parametrize("axis", (0, 1, 2))
@pytest.mark.parametrize("threads", (1, 2))
def test_one_step_before(axis, threads):
    n = SHAPE[axis]
    check(axis, n, [(1, n - 1)], [0], threads)


@pytest.mark.parametrize("axis", (1, 2))
def test_windows_of_a_padded_signal(axis):
    """A short convolution: four windows, each a step later."""
    n = SHAPE[axis]
    check(axis, n + 3, [(3, n)], [0, 1, 2, 3])


@pytest.mark.parametrize("axis", (1, 2))
@pytest.mark.parametrize("writes", [
    [(0, 5), (5, 10)],                   # One after the other, the rest as it was.
    [(4, 9), (2, 5)], [(2, 5), (4, 9)],  # One hides some of the other,
    [(6, 3), (4, 9)],                    # all of it,
    [(4, 9), (6, 3)],                    # or its middle.
    [(0, 1), (19, 1)], [(0, 20)],
], ids=str)
def test_what_was_written_last(axis, writes):
    check(axis, SHAPE[axis], writes, [0])


def test_more_parts_than_loops():
    check(1, STEPS + 12, [(i, 1) for i in range(0, 24, 2)], [0, 5, 12])
