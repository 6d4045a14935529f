"""Products around recurrences, as loops of frontends have them, against the loop in float64.

    v_t = b_t u_t,  x_t = a_t x_{t-1} + v_t,  y_t = start_t + sum over n of c_t (x_t + g v_t)

with tensors in any order of their dimensions (b batch, t time, d channel, n state).
"""

import itertools

import numpy as np
import pytest
from harness import run, tool

SIZES = dict(b=2, t=19, d=5, n=6)
LETTERS = "btdn"
CASES = {
    "selective": dict(a="btdn", u="btd", b="btn", c="btn", x="btdn", y="btd"),
    "time first": dict(a="btdn", u="tbd", b="tbn", c="tbn", x="tbdn", y="tbd"),
    "another order": dict(a="dn", u="btd", b="nt", c="nd", x="nbtd", y="dtb"),
    "steady": dict(a="dn", u="btd", b="dn", c="dn", x="btdn", y="btd"),
    "a start": dict(a="dn", u="btd", b="dn", c="btn", x="tbdn", y="dbt", start=True),
    "two ops": dict(a="btdn", u="btd", b="btn", c="btn", x="btdn", y="tdb", apart=True),
    "backward": dict(a="btdn", u="btd", b="btn", c="btn", x="tdnb", y="bdt", backward=True),
    "before": dict(a="dn", u="btd", b="btn", c="btn", x="btdn", y="btd", before=True),
    "a bonus": dict(a="btdn", u="btd", b="btn", c="btn", x="btdn", y="btd", before=True, bonus="n"),
    "a bonus of channels": dict(a="tdn", u="tbd", b="tbn", c="tbn", x="tbdn", y="dbt", start=True, bonus="d"),
    "a sum": dict(a="dn", u="btd", b="dn", c="", x="tbdn", y="btd", start=True),
    "complex states": dict(a="dn", u="btd", b="dn", c="dn", x="btdn", y="btd", complex="abc"),
    "real part": dict(a="dn", u="btd", b="dn", c="dn", x="tbdn", y="dbt", complex="abc", real=True),
    "real part of states": dict(a="btdn", u="btd", b="btn", c="btn", x="btdn", y="btd", complex="a", real=True),
    "complex output": dict(a="dn", u="btd", b="btn", c="btn", x="btdn", y="tbd", complex="c"),
}
# A product with a complex number takes a real one apart first.
ONLY_OUTPUT = {"complex states", "real part"}


def element(is_complex):
    return "complex<f32>" if is_complex else "f32"


def tensor(letters, is_complex):
    return f"tensor<{''.join(f'{SIZES[x]}x' for x in letters)}{element(is_complex)}>"


def affine(letters, dims=LETTERS):
    return f"affine_map<({', '.join(dims)}) -> ({', '.join(letters)})>"


def generic(name, dims, ins, outs, body):
    """Of values with letters and types, with a body of scalars %0, %1, ... that yields %r."""
    values, maps = [*ins, outs], ", ".join(affine(letters, dims) for _, letters, _ in [*ins, outs])
    kinds = ", ".join('"parallel"' if d in outs[1] else '"reduction"' for d in dims)
    scalars = ", ".join(f"%i{i}: {element(is_complex)}" for i, (*_, is_complex) in enumerate(values))
    return f"""
  %{name} = linalg.generic {{indexing_maps = [{maps}], iterator_types = [{kinds}]}}
      ins({", ".join(v for v, *_ in ins)} : {", ".join(tensor(l, c) for _, l, c in ins)})
      outs({outs[0]} : {tensor(*outs[1:])}) {{
  ^bb0({scalars}):
{body}
    linalg.yield %r : {element(outs[2])}
  }} -> {tensor(*outs[1:])}"""


def scalar(value, is_complex, wanted):
    """The scalar, as a complex number if it has to be one."""
    if is_complex == wanted:
        return value, ""
    return f"{value}z", f"    {value}z = complex.create {value}, %zero : complex<f32>\n"


def times(result, x, y):
    """The product of two scalars that may be complex."""
    wanted = x[1] or y[1]
    (p, before), (q, after) = scalar(*x, wanted), scalar(*y, wanted)
    op = "complex.mul" if wanted else "arith.mulf"
    return f"{before}{after}    {result} = {op} {p}, {q} : {element(wanted)}", wanted


def program(a, u, b, c, x, y, start=False, apart=False, backward=False, before=False, complex="", real=False,
            bonus=None):
    is_complex = {name: name in complex for name in "abc"}
    states = is_complex["a"] or is_complex["b"]
    out = states or is_complex["c"]
    add = "complex.add" if out else "arith.addf"
    letters = dict(a=a, u=u, b=b, c=c) | ({} if bonus is None else dict(g=bonus))
    arguments = ", ".join(f"%{n}: {tensor(l, is_complex.get(n, False))}" for n, l in letters.items())
    final = x.replace("t", "")
    result = out and not real
    text = f"func.func @f({arguments}, %first: {tensor(y, out)}) -> {tensor(y, result)} {{"
    text += f"\n  %zero = arith.constant 0.0 : f32\n  %wide = tensor.empty() : {tensor(x, is_complex['b'])}"
    product, drive = times("%r", ("%i0", is_complex["b"]), ("%i1", False))
    text += generic("v", LETTERS, [("%b", b, is_complex["b"]), ("%u", u, False)], ("%wide", x, drive), product)
    options = ", direction = #ssm.direction<backward>" * backward + ", read = #ssm.read<before>" * before
    text += f"""
  %x, %last = ssm.linear_recurrence transition(%a : {tensor(a, is_complex["a"])}) signal(%v : {tensor(x, drive)})
      {{indexing_maps = [{affine(a)}, {affine(x)}, {affine(x)}, {affine(final)}], time = 1 : i64{options}}}
      -> {tensor(x, states)}, {tensor(final, states)}"""
    read = "%x"
    if bonus is not None:
        text += generic("s", LETTERS, [("%x", x, False), ("%g", bonus, False), ("%v", x, False)], ("%wide", x, False),
                        "    %p = arith.mulf %i1, %i2 : f32\n    %r = arith.addf %i0, %p : f32")
        read = "%s"
    if not c:
        text += generic("y", LETTERS, [("%x", x, states)], ("%first", y, out),
                        f"    %r = {add} %i1, %i0 : {element(out)}")
    elif apart:
        product, _ = times("%r", ("%i0", states), ("%i1", is_complex["c"]))
        text += f"\n  %space = tensor.empty() : {tensor(x, out)}"
        text += generic("p", LETTERS, [("%x", x, states), ("%c", c, is_complex["c"])], ("%space", x, out), product)
        text += generic("y", LETTERS, [("%p", x, out)], ("%first", y, out), f"    %r = {add} %i1, %i0 : {element(out)}")
    else:
        product, _ = times("%p", ("%i0", is_complex["c"]), ("%i1", states))
        text += generic("y", LETTERS, [("%c", c, is_complex["c"]), (read, x, states)], ("%first", y, out),
                        product + f"\n    %r = {add} %i2, %p : {element(out)}")
    if real:
        text += f"\n  %o = tensor.empty() : {tensor(y, False)}"
        text += generic("z", y, [("%y", y, out)], ("%o", y, False), "    %r = complex.re %i0 : complex<f32>")
    return text + f"\n  return %{'z' if real else 'y'} : {tensor(y, result)}\n}}"


def reference(a, u, b, c, first, case, g=0.0):
    def whole(value, letters):
        value = value.astype(np.complex128 if np.iscomplexobj(value) else np.float64)
        order = [letters.index(x) for x in LETTERS if x in letters]
        return value.transpose(order).reshape([SIZES[x] if x in letters else 1 for x in LETTERS])
    a, u, b, c = (whole(value, case[name]) for name, value in zip("aubc", (a, u, b, c)))
    g = whole(g, case["bonus"])[:, 0] if "bonus" in case else g
    shape = [SIZES[x] for x in LETTERS]
    a, v, c = np.broadcast_to(a, shape), np.broadcast_to(b * u, shape), np.broadcast_to(c, shape)
    x = np.zeros((SIZES["b"], SIZES["d"], SIZES["n"]), np.result_type(a, v))
    y = np.zeros(shape[:3], np.result_type(x, c))
    times = range(SIZES["t"])
    for t in reversed(times) if case.get("backward") else times:
        after = a[:, t] * x + v[:, t]
        y[:, t] = (c[:, t] * ((x if case.get("before") else after) + g * v[:, t])).sum(axis=-1)
        x = after
    y = first.astype(y.dtype) + y.transpose(["btd".index(x) for x in case["y"]])
    return y.real if case.get("real") else y


@pytest.mark.parametrize("strategy", ["sequential", "tree_scan"])
@pytest.mark.parametrize("name", CASES)
def test_products(name, strategy, tmp_path):
    case = CASES[name]
    text = program(**case)
    source = tmp_path / "f.mlir"
    source.write_text(text)
    absorbed = tool("ssm-opt", source, "--ssm-absorb-contractions").stdout
    assert "output(" in absorbed and ("input(" in absorbed) == (name not in ONLY_OUTPUT)
    random = np.random.default_rng(len(name))

    def draw(letters, is_complex):
        shape = [SIZES[x] for x in letters]
        value = random.standard_normal(shape)
        if is_complex:
            value = value + 1j * random.standard_normal(shape)
        return value.astype(np.complex64 if is_complex else np.float32)
    inputs = {n: draw(case[n], n in case.get("complex", "")) for n in "aubc"}
    inputs["c"] = inputs["c"] if case["c"] else np.ones((), np.float32)
    bonus = [draw(case["bonus"], False)] if "bonus" in case else []
    inputs["a"] = inputs["a"] / (1.2 * np.abs(inputs["a"]).max())
    out = any(np.iscomplexobj(inputs[n]) for n in "abc")
    first = draw(case["y"], out) * case.get("start", False)
    got, = run(text, *inputs.values(), *bonus, first, strategy=strategy)
    want = reference(*inputs.values(), first, case, *bonus)
    assert got.dtype == (np.complex64 if np.iscomplexobj(want) else np.float32)
    assert np.linalg.norm(got - want) <= 1e-6 * np.linalg.norm(want)


def copy(name, dims, source, target):
    """`target`, a tensor of these dimensions, with what `source` has."""
    return generic(name, dims, [(*source, False)], (*target, False), "").replace("linalg.yield %r", "linalg.yield %i0")


@pytest.mark.parametrize("order", map("".join, itertools.permutations("tbd")))
def test_copies(order):
    """A transition that is broadcast, a signal that is transposed."""
    sequence, state = tensor("tbd", False), tensor("bd", False)
    text = f"func.func @f(%a: {tensor('d', False)}, %u: {tensor(order, False)}) -> {sequence} {{\n"
    text += f"  %e = tensor.empty() : {state}\n  %o = tensor.empty() : {sequence}"
    text += copy("wide", "bd", ("%a", "d"), ("%e", "bd")) + copy("v", "tbd", ("%u", order), ("%o", "tbd"))
    text += f"""
  %x, %last = ssm.linear_recurrence transition(%wide : {state}) signal(%v : {sequence})
      {{indexing_maps = [{", ".join(affine(x, "btd") for x in ("bd", "tbd", "tbd", "bd"))}], time = 1 : i64}}
      -> {sequence}, {state}
  return %x : {sequence}
}}"""
    random = np.random.default_rng(0)
    a = random.uniform(0, 1, SIZES["d"]).astype(np.float32)
    u = random.standard_normal([SIZES[x] for x in order]).astype(np.float32)
    got, = run(text, a, u)
    want = u.astype(np.float64).transpose([order.index(x) for x in "tbd"])
    for t in range(1, SIZES["t"]):
        want[t] += a * want[t - 1]
    assert np.linalg.norm(got - want) <= 1e-6 * np.linalg.norm(want)
