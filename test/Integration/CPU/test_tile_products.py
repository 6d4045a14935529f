"""Products of bf16 matrices on AMX: the code for it, its numbers by an emulator, and by the unit where there is one."""

import re
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
from harness import run, tool
from mlir_text import Conv, norm, program
from tile_emulator import TARGET, compile_tiles

UNIT = 2.0**-9  # the unit roundoff of bf16

# Of three transforms, four rounds each at most: numbers and roots of unity are rounded, and errors add up as noise does.
BAR = UNIT * np.sqrt(2 * 3 * 4)

# Full tiles and rests of them in each direction, and more than one.
SIZES = [(16, 32, 16), (37, 80, 48), (20, 34, 8), (24, 48, 16)]


def conv(spec, length, **options):
    case = Conv(spec, {"t": length, "b": 2, "h": 16}, length, **options)
    case.strategy = "fft_conv, matrix = bf16"
    return case


def text(sizes):
    """One function of all products."""
    arguments, lines, results, types = [], [], [], []
    for i, (m, k, n) in enumerate(sizes):
        a, b, c = f"tensor<{m}x{k}xbf16>", f"tensor<{k}x{n}xbf16>", f"tensor<{m}x{n}xf32>"
        arguments += [f"%a{i}: {a}", f"%b{i}: {b}", f"%c{i}: {c}"]
        lines.append(f"  %y{i} = linalg.matmul ins(%a{i}, %b{i} : {a}, {b}) outs(%c{i} : {c}) -> {c}\n")
        results.append(f"%y{i}")
        types.append(c)
    return (f"func.func @f({', '.join(arguments)}) -> ({', '.join(types)}) {{\n{''.join(lines)}"
            f"  return {', '.join(results)} : {', '.join(types)}\n}}\n")


def draw(sizes, number):
    bf16 = ml_dtypes.bfloat16
    arrays = [(number(m, k).astype(bf16), number(k, n).astype(bf16), number(m, n).astype(np.float32)) for m, k, n in sizes]
    return arrays, [x for three in arrays for x in three]


@pytest.mark.parametrize("size", SIZES)
def test_integers_are_exact(size, tmp_path):
    rng = np.random.default_rng(0)
    ((a, b, c),), inputs = draw([size], lambda *shape: rng.integers(-9, 10, shape))
    kernel = compile_tiles(text([size]), tmp_path)
    (y,) = kernel.bind(*inputs)()
    np.testing.assert_array_equal(y, c + a.astype(float) @ b.astype(float))
    blocks = np.prod([-(-n // step) for n, step in zip(size, (16, 32, 16))])
    assert kernel.number("emulated_products").value == blocks


def test_sums_are_in_f32(tmp_path):
    rng = np.random.default_rng(1)
    ((a, b, c),), inputs = draw([SIZES[1]], lambda *shape: rng.standard_normal(shape))
    (y,) = compile_tiles(text([SIZES[1]]), tmp_path).bind(*inputs)()
    a, b = a.astype(float), b.astype(float)
    assert (np.abs(y - (c + a @ b)) <= (a.shape[1] + 1) * 2.0**-24 * (np.abs(a) @ np.abs(b) + np.abs(c))).all()


@pytest.mark.parametrize("case, threads", [(conv("bht,ht->bht", 1000), 1), (conv("bth,th->bth", 300), 2),
                                           (conv("bth,th->bth", 8, direction="backward"), 1)])
def test_convolutions(case, threads, tmp_path):
    """All products are in tiles, and the error is that of bf16."""
    kernel = compile_tiles(program([case]), tmp_path, threads)
    (y,), (want,) = kernel.bind(*case.inputs.values())(), case.oracle
    error = norm(y - want) / norm(want)
    assert error <= BAR
    assert error >= UNIT / 8
    assert kernel.number("emulated_products").value > 0
    assert "dpbf16ps" not in re.sub("tdpbf16ps", "", asm(program([case])))


def test_a_refusal_is_an_error(tmp_path):
    """Nothing is computed, and the message says what to do."""
    rng = np.random.default_rng(2)
    _, inputs = draw(SIZES[:1], lambda *shape: rng.standard_normal(shape))
    kernel = compile_tiles(text(SIZES[:1]), tmp_path)
    call = kernel.bind(*inputs)
    before = call.outputs[0].copy()
    kernel.number("emulated_refusal").value = 1
    with pytest.raises(RuntimeError, match=r"refuses the matrix unit \(AMX\).*compile for a target without it"):
        call()
    np.testing.assert_array_equal(call.outputs[0], before)
    kernel.number("emulated_refusal").value = 0
    call()
    assert kernel.number("emulated_requests").value == 2


def asm(program, target=TARGET):
    return tool("ssm-compile", "-", "-o", "-", "--emit=asm", f"--target={target}", input=program).stdout


def test_the_code():
    """Tiles are configured before they are used, and stay in their registers; other targets have none."""
    code = asm(program([conv("bht,ht->bht", 4096)]))
    body = re.search(r"^f:$.*?^\t\.size\tf,", code, re.M | re.S)[0]
    products = [m.start() for m in re.finditer("tdpbf16ps", body)]
    assert len(products) >= 20
    assert body.index("ldtilecfg") < products[0]
    assert not re.search(r"tile(loadd|stored)[^\n]*(rsp|rbp)", body)
    assert "syscall" not in body
    assert re.search(r"^f_run:$.*syscall", code, re.M | re.S)
    for target in ("x86-64-v4", "znver4", "neoverse-v1"):
        other = asm(program([conv("bht,ht->bht", 4096)]), target)
        assert "tdpbf16ps" not in other and "syscall" not in other


def test_more_shapes_than_registers():
    """What has no registers left has dot products of vectors."""
    sizes = [(m, k, 16) for m in (16, 8, 4) for k in (32, 16, 8)]
    code = asm(text(sizes))
    assert "\ttdpbf16ps" in code and "\tvdpbf16ps" in code
    assert not re.search(r"tile(loadd|stored)[^\n]*(rsp|rbp)", code)


def has_unit():
    path = Path("/proc/cpuinfo")
    return path.exists() and "amx_bf16" in path.read_text()


@pytest.mark.skipif(not has_unit(), reason="this CPU has no AMX-BF16")
def test_on_the_unit():
    """The machine and the emulator agree on convolutions to a rounding of their sums."""
    case = conv("bht,ht->bht", 1000)
    (y,), (want,) = run(program([case]), *case.inputs.values(), entry="f"), case.oracle
    assert UNIT / 8 * norm(want) <= norm(y - want) <= BAR * norm(want)
