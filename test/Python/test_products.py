"""--ssm-dense-products against NumPy in double precision: layouts, sizes that fill no tile, complex numbers, threads."""

import itertools

import numpy as np
import pytest

import mlir_ssm

ELEMENTS = {"f32": np.float32, "f64": np.float64, "complex<f32>": np.complex64, "complex<f64>": np.complex128}


def numbers(rng, shape, element):
    dtype = ELEMENTS[element]
    x = rng.standard_normal(shape)
    return (x + 1j * rng.standard_normal(shape) if np.issubdtype(dtype, np.complexfloating) else x).astype(dtype)


def program(left, right, result, sizes, types, add="", dynamic=""):
    """sum of left * right by einsum's letters; `types` of left, right and result. `dynamic` letters have an unknown size."""
    letters = "".join(dict.fromkeys(result + left + right))
    def tensor(dims, element):
        return f"tensor<{''.join(('?' if d in dynamic else str(sizes[d])) + 'x' for d in dims)}{element}>"
    def amap(dims):
        return f"affine_map<({', '.join(letters)}) -> ({', '.join(dims)})>"
    x, y, z = (tensor(d, t) for d, t in zip((left, right, result), types))
    iterators = ", ".join('"parallel"' if d in result else '"reduction"' for d in letters)
    dims = "".join(f"""
  %c{d} = arith.constant {(left if d in left else right).index(d)} : index
  %{d} = tensor.dim {"%x, " if d in left else "%y, "}%c{d} : {x if d in left else y}""" for d in result if d in dynamic)
    real = "f64" if "64" in types[2] else "f32"
    isComplex = "complex" in types[2]
    zero = f"""%zero = arith.constant 0.0 : {real}
  {f"%start = complex.create %zero, %zero : {types[2]}" if isComplex else f"%start = arith.addf %zero, %zero : {real}"}"""
    def lift(name, element):
        return (name, "") if element == types[2] or not isComplex else (
            f"{name}c", f"{name}c = complex.create {name}, %zero : {types[2]}\n    ")
    if isComplex:
        (p, liftP), (q, liftQ) = lift("%p", types[0]), lift("%q", types[1])
        body = f"""{liftP}{liftQ}%pq = complex.mul {p}, {q} : {types[2]}
    %sum = complex.add %s, %pq : {types[2]}"""
    elif "complex" in types[0] and "complex" in types[1]:  # The real part.
        body = f"""%pr = complex.re %p : {types[0]}
    %pi = complex.im %p : {types[0]}
    %qr = complex.re %q : {types[1]}
    %qi = complex.im %q : {types[1]}
    %rr = arith.mulf %pr, %qr : {real}
    %ii = arith.mulf %pi, %qi : {real}
    %re = arith.subf %rr, %ii : {real}
    %sum = arith.addf %re, %s : {real}"""
    else:
        body = f"""%pq = arith.mulf %p, %q : {real}
    %sum = arith.addf %pq, %s : {real}"""
    init = f"""%empty = tensor.empty({", ".join("%" + d for d in result if d in dynamic)}) : {z}
  %init = linalg.fill ins(%start : {types[2]}) outs(%empty : {z}) -> {z}"""
    return f"""
func.func @f(%x: {x}, %y: {y}{f", %init: {z}" if add else ""}) -> {z} {{
  {zero}{dims}
  {"" if add else init}
  %out = linalg.generic {{iterator_types = [{iterators}], indexing_maps = [{amap(left)}, {amap(right)}, {amap(result)}]}}
      ins(%x, %y : {x}, {y}) outs(%init : {z}) {{
  ^bb0(%p: {types[0]}, %q: {types[1]}, %s: {types[2]}):
    {body}
    linalg.yield %sum : {types[2]}
  }} -> {z}
  return %out : {z}
}}
"""


def check(left, right, result, sizes, types=("f32",) * 3, add="", dynamic="", threads=1):
    f = mlir_ssm.compile(program(left, right, result, sizes, types, add, dynamic), entry="f", threads=threads)
    return compare(f, left, right, result, sizes, types, add)


def compare(f, left, right, result, sizes, types=("f32",) * 3, add=""):
    rng = np.random.default_rng(5)
    x = numbers(rng, [sizes[d] for d in left], types[0])
    y = numbers(rng, [sizes[d] for d in right], types[1])
    wide = [z.astype(np.complex128 if np.iscomplexobj(z) else np.float64) for z in (x, y)]
    want = np.einsum(f"{left},{right}->{result}", *wide)
    scale = np.einsum(f"{left},{right}->{result}", *(abs(z) for z in wide))
    if "complex" not in types[2]:
        want = want.real
    inputs = [x, y]
    if add:
        inputs.append(numbers(rng, want.shape, types[2]))
        want = want + inputs[2]
    got = f(*inputs)
    eps = np.finfo(ELEMENTS[types[2]]).eps
    assert got.shape == want.shape
    depth = np.prod([n for d, n in sizes.items() if d in left and d not in result])
    np.testing.assert_array_less(abs(got - want), 4 * eps * np.sqrt(depth + 1) * (scale + 1))
    return got


LAYOUTS = [("rk", "kv", "rv"), ("rk", "vk", "rv"), ("kr", "kv", "rv"), ("kv", "rk", "rv"), ("brk", "bkv", "brv"),
           ("brk", "kv", "brv"), ("brk", "vk", "brv"), ("rk", "bkv", "brv"), ("bkr", "vk", "brv"), ("rkj", "kjv", "rv"),
           ("rjk", "vkj", "rv")]


@pytest.mark.parametrize("layout", LAYOUTS, ids="".join)
def test_layouts(layout):
    check(*layout, dict(b=3, r=50, k=31, j=5, v=70))


@pytest.mark.parametrize("rows, columns", itertools.product((4, 11, 12, 13, 24, 769, 1500), (4, 5, 16, 31, 32, 33, 64, 100)))
def test_sizes(rows, columns):
    check("rk", "kv", "rv", dict(r=rows, k=67, v=columns))


@pytest.mark.parametrize("rows", (0, 1, 5, 12, 40, 767, 768, 1547))
@pytest.mark.parametrize("depth", (0, 1, 30))
def test_sizes_that_are_not_known(rows, depth):
    check("brk", "vk", "brv", dict(b=2, r=rows, k=depth, v=40), dynamic="brk")


TYPES = [("f64", "f64", "f64"), ("complex<f32>", "f32", "complex<f32>"), ("f32", "complex<f32>", "complex<f32>"),
         ("complex<f32>", "complex<f32>", "complex<f32>"), ("complex<f32>", "complex<f32>", "f32"),
         ("complex<f64>", "complex<f64>", "complex<f64>")]


@pytest.mark.parametrize("types", TYPES, ids="-".join)
@pytest.mark.parametrize("layout", [("rk", "kv", "rv"), ("brk", "vk", "brv"), ("vk", "bkr", "brv")], ids="".join)
def test_types(layout, types):
    check(*layout, dict(b=2, r=29, k=37, v=45), types)


def test_what_is_added_to():
    check("rk", "kv", "rv", dict(r=29, k=37, v=45), add="start")


def transposed(text, before, after, sizes, element):
    """The program, of which the result is a transpose of the product."""
    old, new = (f"tensor<{'x'.join(str(sizes[d]) for d in dims)}x{element}>" for dims in (before, after))
    place = f"affine_map<({', '.join(after)}) -> ({', '.join(before)})>"
    same = f"affine_map<({', '.join(after)}) -> ({', '.join(after)})>"
    parallel = ", ".join(['"parallel"'] * len(after))
    return text.replace(f"-> {old} {{", f"-> {new} {{", 1).replace(f"return %out : {old}", f"""%to = tensor.empty() : {new}
  %turned = linalg.generic {{iterator_types = [{parallel}], indexing_maps = [{place}, {same}]}}
      ins(%out : {old}) outs(%to : {new}) {{
  ^bb0(%p: {element}, %q: {element}):
    linalg.yield %p : {element}
  }} -> {new}
  return %turned : {new}""")


@pytest.mark.parametrize("types", [("f32",) * 3, TYPES[0], TYPES[1], TYPES[4]], ids="-".join)
@pytest.mark.parametrize("left, right, before, after", [
    ("rk", "kv", "rv", "vr"), ("brk", "vk", "brv", "vbr"), ("brk", "kv", "brv", "rvb"), ("bkr", "vbk", "bvr", "rbv")])
@pytest.mark.parametrize("rows", (1, 2, 3, 16, 50))
def test_a_product_that_is_read_transposed(left, right, before, after, types, rows):
    sizes = dict(b=2, r=rows, k=31, v=70)
    f = mlir_ssm.compile(transposed(program(left, right, before, sizes, types), before, after, sizes, types[2]), entry="f")
    compare(f, left, right, after, sizes, types)


@pytest.mark.parametrize("types", [("f32",) * 3, ("complex<f32>", "f32", "complex<f32>")], ids="-".join)
def test_threads_change_no_bit(types):
    results = [check("brk", "vk", "brv", dict(b=2, r=1600, k=64, v=70), types, threads=threads) for threads in (1, 2, 4)]
    for other in results[1:]:
        np.testing.assert_array_equal(other, results[0])


@pytest.mark.parametrize("types", [("f32",) * 3, TYPES[1], TYPES[4]], ids="-".join)
@pytest.mark.parametrize("layout", [("k", "kv", "v"), ("k", "vk", "v"), ("rk", "kv", "rv"), ("rk", "vk", "rv"), ("bk", "bvk", "bv")],
                         ids="".join)
@pytest.mark.parametrize("columns", (5, 300))
def test_few_rows(layout, types, columns):
    check(*layout, dict(b=3, r=2, k=131, v=columns), types)


@pytest.mark.parametrize("depth", (0, 1, 16, 100))
def test_a_vector_of_unknown_length(depth):
    for layout in (("k", "kv", "v"), ("k", "vk", "v")):
        check(*layout, dict(k=depth, v=300), dynamic="k")
