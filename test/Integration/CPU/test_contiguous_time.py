"""Time is contiguous, channels are not: transposed blocks, scans along lines, and results that go past the caches
equal the float64 oracle."""

import ctypes
import functools
import sys
from pathlib import Path

import numpy as np
import pytest
import zoo
from harness import DTYPES, run, tool
from mlir_text import Recurrence, batch, check, program

HAS_AVX2 = {"avx2", "fma"} <= set(Path("/proc/cpuinfo").read_text().split())
TARGETS = [pytest.param("host", id="host"),
           pytest.param("x86-64-v3", id="avx2", marks=pytest.mark.skipif(not HAS_AVX2, reason="no AVX2"))]


def run_for(target, text, *inputs, strategy=None, threads=1):
    """@f of code for a CPU that is like the host or has less."""
    options = [f"--strategy={strategy}"] if strategy else []
    code = zoo.Code(text, f"--target={target}", f"--threads={threads}", *options)
    names = [name for name, _ in code.functions["f"][0]]
    return code.call("f", dict(zip(names, inputs, strict=True)))


@pytest.fixture(params=TARGETS)
def target(request, monkeypatch):
    """Vectors of a line have 16 lanes, or 8 where registers are of 256 bits."""
    if request.param != "host":
        for module in (batch, sys.modules[__name__]):
            monkeypatch.setattr(module, "run", functools.partial(run_for, request.param))


def orders(spec, dtype="f32", complex="", projection="none", **sizes):
    """All directions and read points."""
    return [Recurrence(spec, sizes, dtype, complex, projection=projection, reverse=reverse, read=read, **options)
            for reverse in (False, True) for read in ("after", "before")
            for options in ({}, {"init": "".join(d for d in "bd" if d in sizes), "dynamic": "t"})]


def test_blocks_of_channels():
    """Less than a block of 64 steps, one, and a rest; full tiles of 16 channels, and channels left over."""
    cases = [case for t, d in ((5, 16), (64, 16), (150, 35)) for case in orders("bdt,,,bdt->bdt", b=2, d=d, t=t)]
    cases += orders("bdt,bdt,,bdt->bdt", b=2, d=19, t=130) + orders("dt,,,bdt->btd", b=2, d=17, t=130)
    check(cases, "f32", "sequential")


@pytest.mark.parametrize("states", ["dn", "dnt"])
def test_blocks_with_states(states):
    """Matrix and vector states; B and C that all channels share."""
    check([Recurrence(f"{states},bnt,bnt,bdt->bdt", {"b": 2, "d": 20, "n": 4, "t": 150}, reverse=reverse, read=read)
           for reverse in (False, True) for read in ("after", "before")], "f32", "sequential")


@pytest.mark.parametrize("dtype,length", [("f32", 63), ("f32", 64), ("f32", 65), ("f64", 300)])
def test_lines(dtype, length, target):
    """Around a block of 64 steps; one channel, and several; a transition that is constant."""
    check(orders("t,,,t->t", dtype, t=length) + orders("bt,,,bt->bt", dtype, b=3, t=length)
          + orders("d,,,bdt->bdt", dtype, b=2, d=3, t=length), dtype, "sequential")


def scan(a, u, x):
    """All states in f64."""
    states = []
    for at, ut in zip(a.tolist(), u.tolist(), strict=True):
        states.append(x := at * x + ut)
    return np.array(states)


def line_alone(length, direction):
    return f"""
#t = affine_map<(t) -> (t)>
#none = affine_map<(t) -> ()>
func.func @f(%a: tensor<{length}xf32>, %u: tensor<{length}xf32>, %x0: tensor<f32>) -> (tensor<{length}xf32>, tensor<f32>) {{
  %y, %x = ssm.linear_recurrence transition(%a : tensor<{length}xf32>) signal(%u : tensor<{length}xf32>) init(%x0 : tensor<f32>)
      {{indexing_maps = [#t, #t, #none, #t, #none], time = 0 : i64, direction = #ssm.direction<{direction}>}}
      -> tensor<{length}xf32>, tensor<f32>
  return %y, %x : tensor<{length}xf32>, tensor<f32>
}}
"""


@pytest.mark.parametrize("direction", ["forward", "backward"])
@pytest.mark.parametrize("chunks", [8, 35])
@pytest.mark.parametrize("least,most,error", [(0.5, 1.0, 1e-6), (0.9, 0.99, 1e-6), (0.9999, 1.00001, 1e-4),
                                              (1.0, 1.01, 1e-5)], ids=["decay", "pieces", "keep", "grow"])
def test_a_line_alone(direction, chunks, least, most, error, target):
    """A group of eight chunks of 2^15 steps, or two of 17 and a chunk; a block and a rest: the oracle's values, and the
    same bits for any number of threads. Chunks' products vanish in one piece of 512 steps, in four, or never. What
    grows for so long starts from zero, and has no signal but in the end."""
    length = chunks * (1 << 15) + 100
    random = np.random.default_rng(0)
    a = random.uniform(least, most, length).astype(np.float32)
    u = random.uniform(-1, 1, length).astype(np.float32)
    grows = most > 1.001
    x0 = np.float32(0 if grows else 0.75)
    if grows:
        u[: length - 1000] = 0
    order = slice(None, None, 1 if direction == "forward" else -1)
    want = scan(a, u, float(x0))[order]
    bound = error * np.max(np.abs(want))
    text = line_alone(length, direction)
    results = [run(text, a[order], u[order], x0, strategy="sequential", threads=threads) for threads in (1, 2, 4)]
    states, final = results[0]
    assert np.max(np.abs(states - want)) <= bound
    assert abs(final - want[order][-1]) <= bound
    for other in results[1:]:
        assert all(np.array_equal(x, y) for x, y in zip(results[0], other, strict=True))


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("direction", ["forward", "backward"])
def test_chunks_that_decay_and_grow(direction, threads):
    """Chunks of 2^15 steps by turns decay by 2^-110 and grow by as much, without signal: states that are as small on
    the way keep their digits, and come back."""
    chunk, length = 1 << 15, (1 << 18) + 100
    rates = np.where(np.arange(length) // chunk % 2, 1, -1) * np.random.default_rng(0).uniform(0.5, 1.5, length)
    a = np.exp2(110 / chunk * rates).astype(np.float32)
    u, x0 = np.zeros(length, np.float32), np.float32(0.75)
    want = scan(a, u, float(x0))
    assert want.min() < 2**-105 and want[-1] > 2**-8
    order = slice(None, None, 1 if direction == "forward" else -1)
    states, final = run(line_alone(length, direction), a[order], u, x0, strategy="sequential", threads=threads)
    assert np.max(np.abs(states[order] / want - 1)) <= 1e-3
    assert abs(final / want[-1] - 1) <= 1e-3


@pytest.mark.parametrize("poison", [np.nan, np.inf])
@pytest.mark.parametrize("direction", ["forward", "backward"])
def test_what_is_no_number_stays(direction, poison):
    """The products of the last steps of a chunk of 2^15 vanish, so that its map knows nothing of its first ones."""
    length, at = (1 << 18) + 100, (1 << 15) + 7
    random = np.random.default_rng(0)
    a = random.uniform(0.5, 1, length).astype(np.float32)
    u = random.uniform(-1, 1, length).astype(np.float32)
    u[at] = poison
    order = slice(None, None, 1 if direction == "forward" else -1)
    text = line_alone(length, direction)
    results = [run(text, a[order], u[order], np.float32(0.75), strategy="sequential", threads=threads)
               for threads in (1, 2, 4)]
    states, final = results[0]
    assert np.isfinite(states[order][:at]).all() and not np.isfinite(states[order][at:]).any()
    assert not np.isfinite(final)
    for other in results[1:]:
        assert all(np.array_equal(x, y, equal_nan=True) for x, y in zip(results[0], other, strict=True))


CONSTANT = """
#bt = affine_map<(b, t) -> (b, t)>
#b = affine_map<(b, t) -> (b)>
func.func @f(%a: tensor<{b}x{t}>, %u: tensor<{b}x{length}x{t}>, %x0: tensor<{b}x{t}>)
    -> (tensor<{b}x{length}x{t}>, tensor<{b}x{t}>) {{
  %y, %x = ssm.linear_recurrence transition(%a : tensor<{b}x{t}>) signal(%u : tensor<{b}x{length}x{t}>)
      init(%x0 : tensor<{b}x{t}>)
      {{indexing_maps = [#b, #bt, #b, #bt, #b], time = 1 : i64, direction = #ssm.direction<{direction}>}}
      -> tensor<{b}x{length}x{t}>, tensor<{b}x{t}>
  return %y, %x : tensor<{b}x{length}x{t}>, tensor<{b}x{t}>
}}
"""


@pytest.mark.parametrize("direction", ["forward", "backward"])
@pytest.mark.parametrize("channels,length", [(6, 63), (6, 512), (6, 700), (6, (1 << 14) + 33), (1, (1 << 18) + 100)])
@pytest.mark.parametrize("dtype,error", [("f32", 1e-5), ("complex<f32>", 1e-5), ("f64", 1e-13)])
def test_constant_transitions(dtype, error, channels, length, direction, target):
    """A transition that has no time, by products in few blocks and by powers in many: near one, where every block's error is
    that of the block before; some that vanish in a block, whose powers would be subnormal numbers, and zero."""
    random = np.random.default_rng(1)
    element = DTYPES[dtype]
    wide = np.complex128 if "complex" in dtype else np.float64
    a = np.array([0.99995, 1.00001, 0.2, -0.9999, 0, 0.06])[:channels].astype(wide)
    u, x0 = random.uniform(-1, 2, (channels, length)), random.uniform(-1, 1, channels)
    if wide is np.complex128:
        a, u, x0 = a * np.exp(1j * random.uniform(-1e-3, 1e-3, channels)), u * np.exp(1j * u), x0 * 1j
    a, u, x0 = (x.astype(element) for x in (a, u, x0))
    order = slice(None, None, 1 if direction == "forward" else -1)
    want = np.stack([scan(np.full(length, at, wide), ut, x.item()) for at, ut, x in zip(a, u, x0, strict=True)])
    text = CONSTANT.format(b=channels, length=length, t=dtype, direction=direction)
    states, final = run(text, a, u[:, order], x0, strategy="sequential", threads=2)
    assert np.all(np.linalg.norm(states[:, order] - want, axis=1) <= error * np.linalg.norm(want, axis=1))
    assert np.all(np.abs(final - want[:, -1]) <= error * np.max(np.abs(want), axis=1))


@pytest.mark.parametrize("length", [64, 201])
def test_complex_lines(length, target):
    """Which of transition, signal and initial state are complex; what comes out of a state may be real."""
    cases = [case for complex in ("a", "u", "auh", "h") for case in orders("bt,,,bt->bt", complex=complex, b=3, t=length)]
    cases += orders("d,,,bdt->bdt", complex="a", projection="twice_real", b=2, d=3, t=length)
    check(cases + orders("t,,,t->t", complex="au", projection="real", t=length), "f32", "sequential")
    check(orders("t,,,t->t", "f64", complex="au", t=length), "f64", "sequential")


@pytest.mark.parametrize("length", [64, 201])
def test_lines_with_input_and_output(length, target):
    """B_t and C_t of each channel, of all channels, and without time."""
    cases = [case for b, c in (("bdt", ""), ("", "bdt"), ("bt", "t"), ("d", "bd"))
             for case in orders(f"bdt,{b},{c},bdt->bdt", b=2, d=3, t=length)]
    check(cases + orders("t,t,t,t->t", "f32", t=length), "f32", "sequential")
    check(orders("bt,bt,bt,bt->bt", "f64", b=2, t=length), "f64", "sequential")


@pytest.mark.parametrize("length", [64, 201])
def test_complex_lines_with_input_and_output(length, target):
    cases = [case for complex in ("b", "c", "ac", "ub", "aubch")
             for case in orders("bt,bt,t,bt->bt", complex=complex, b=2, t=length)]
    for projection in ("real", "twice_real"):
        cases += orders("bt,b,bt,bt->bt", complex="abc", projection=projection, b=2, t=length)
    check(cases, "f32", "sequential")


NEIGHBOURS = """
#bdt = affine_map<(b, d, t) -> (b, d, t)>
#d = affine_map<(b, d, t) -> (d)>
#bd = affine_map<(b, d, t) -> (b, d)>
func.func @f(%a: tensor<2x5x{t}xf32>, %u: tensor<2x5x{t}xf32>, %mask: tensor<2x5x{t}xi1>, %gate: tensor<2x5x{t}xf16>,
             %skip: tensor<5xf32>) -> (tensor<2x5x{t}xf32>, tensor<2x5xf32>) {{
  %e = tensor.empty() : tensor<2x5x{t}xf32>
  %zero = arith.constant 0.0 : f32
  %v = linalg.generic {{indexing_maps = [#bdt, #bdt, #bdt], iterator_types = ["parallel", "parallel", "parallel"]}}
      ins(%u, %mask : tensor<2x5x{t}xf32>, tensor<2x5x{t}xi1>) outs(%e : tensor<2x5x{t}xf32>) {{
  ^bb0(%x: f32, %m: i1, %o: f32):
    %s = arith.select %m, %x, %zero : f32
    linalg.yield %s : f32
  }} -> tensor<2x5x{t}xf32>
  %h, %last = ssm.linear_recurrence transition(%a : tensor<2x5x{t}xf32>) signal(%v : tensor<2x5x{t}xf32>)
      {{indexing_maps = [#bdt, #bdt, #bdt, #bd], time = 2 : i64, direction = #ssm.direction<{direction}>,
       strategy = #ssm.strategy<sequential>}} -> tensor<2x5x{t}xf32>, tensor<2x5xf32>
  %y = linalg.generic {{indexing_maps = [#bdt, #bdt, #bdt, #d, #bdt],
      iterator_types = ["parallel", "parallel", "parallel"]}}
      ins(%h, %u, %gate, %skip : tensor<2x5x{t}xf32>, tensor<2x5x{t}xf32>, tensor<2x5x{t}xf16>, tensor<5xf32>)
      outs(%e : tensor<2x5x{t}xf32>) {{
  ^bb0(%x: f32, %w: f32, %g: f16, %s: f32, %o: f32):
    %through = arith.mulf %w, %s : f32
    %sum = arith.addf %x, %through : f32
    %wide = arith.extf %g : f16 to f32
    %gated = arith.mulf %sum, %wide : f32
    linalg.yield %gated : f32
  }} -> tensor<2x5x{t}xf32>
  return %y, %last : tensor<2x5x{t}xf32>, tensor<2x5xf32>
}}
"""


@pytest.mark.parametrize("direction,length", [("forward", 64), ("forward", 150), ("backward", 150)])
def test_neighbours_of_lines(direction, length):
    """A masked signal, whose bits no vector reads; a feedthrough and a gate of other types."""
    random = np.random.default_rng(0)
    shape = (2, 5, length)
    a = random.uniform(0.8, 1, shape).astype(np.float32)
    u = random.standard_normal(shape).astype(np.float32)
    mask, gate = random.random(shape) < 0.5, random.standard_normal(shape).astype(np.float16)
    skip = random.standard_normal(5).astype(np.float32)
    y, last = run(NEIGHBOURS.format(t=length, direction=direction), a, u, mask, gate, skip)
    h, states = np.zeros(shape[:2]), np.zeros(shape)
    for t in range(length)[:: 1 if direction == "forward" else -1]:
        h = a[..., t].astype(float) * h + np.where(mask, u, 0)[..., t]
        states[..., t] = h
    exact = (states + skip[:, None].astype(float) * u) * gate
    assert np.linalg.norm(y - exact) <= 4e-7 * np.linalg.norm(exact)
    assert np.linalg.norm(last - h) <= 4e-7 * np.linalg.norm(h)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("spec,sizes", [("btd,,,btd->btd", {"b": 1, "t": 16384, "d": 64}),
                                        ("bdt,,,bdt->bdt", {"b": 1, "t": 16384, "d": 64}),
                                        ("t,,,t->t", {"t": 1 << 19})])
def test_past_the_caches(spec, sizes, reverse, tmp_path):
    case = Recurrence(spec, sizes, reverse=reverse)
    for threads in (1, 2):
        check_past_the_caches(case, threads, tmp_path)


def check_past_the_caches(case, threads, tmp_path):
    """The same bits wherever the caller's memory begins, and the oracle's values."""
    source, library, assembly = (tmp_path / f"m{threads}.{suffix}" for suffix in ("mlir", "so", "s"))
    source.write_text(program([case], "sequential"))
    # A host whose cores share memory may keep what several threads write as lines in its caches.
    options = [f"--threads={threads}", *(["--target=x86-64-v3"] if threads > 1 else [])]
    tool("ssm-compile", source, "--emit=shared", "-o", library, *options)
    tool("ssm-compile", source, "--emit=asm", "-o", assembly, *options)
    assert "movnt" in assembly.read_text()
    code = ctypes.CDLL(str(library))
    code.f_workspace_bytes.restype = ctypes.c_size_t
    scratch = np.zeros(code.f_workspace_bytes() + 64, np.uint8)
    workspace = ctypes.c_void_p(scratch.ctypes.data + -scratch.ctypes.data % 64)

    def call(offset):
        """The results in memory that begins so many elements after a multiple of 64 bytes."""
        outs = []
        for want in case.oracle:
            room = np.full(want.size + 32, np.nan, np.float32)
            start = -room.ctypes.data % 64 // 4 + offset
            outs.append(room[start : start + want.size].reshape(want.shape))
        status = code.f_run(zoo.tensors(list(case.inputs.values())), zoo.tensors(outs), workspace, None)
        assert status == 0
        return outs
    aligned, shifted = call(0), call(1)
    assert not case.errors(aligned, "f32", "sequential")
    for x, y in zip(aligned, shifted, strict=True):
        assert np.array_equal(x, y)
