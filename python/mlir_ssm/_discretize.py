"""From x' = a x + b u to x_t = abar x_{t-1} + bbar u_t."""

import numbers

import numpy as np

from . import _text
from ._arrays import as_array, broadcast_letters, check_choice, check_widths, describe, element, is_complex, real, wide
from ._compile import Plan, plans
from ._recurrence import LETTERS

METHODS = ("zoh", "bilinear", "euler", "trapezoid")


def discretize(a, b, dt, method="zoh"):
    """The diagonal recurrence x_t = abar x_{t-1} + bbar u_t that samples x' = a x + b u every dt.

        zoh        abar = exp(dt a)                      bbar = b (exp(dt a) - 1) / a, or dt b where a = 0
        bilinear   abar = (1 + dt a/2) / (1 - dt a/2)    bbar = dt b / (1 - dt a/2)
        euler      abar = exp(dt a)                      bbar = dt b          (Mamba)
        trapezoid  abar = exp(dt a)                      bbar = (dt/2 abar b, dt/2 b)          (Mamba-3)

    With "trapezoid", bbar is the pair (before, now) of x_t = abar x_{t-1} + before u_{t-1} + now u_t; where b varies
    in time, `before` must be made from the b of the time before.

    Args:
        a, b, dt: broadcast against each other as in NumPy; dt is real. A number of Python takes the precision of a.
        method: "zoh", "bilinear", "euler" or "trapezoid".

    Returns:
        (abar, bbar), of the shapes that the formulas have in NumPy. Complex if an operand of the formula is.

    dtypes: float16, bfloat16, float32, float64, complex64, complex128, all of one width.

    Raises:
        TypeError: a dtype that is not one of these, or widths that differ.
        ValueError: shapes that do not broadcast, or an unknown method.
    """
    a = as_array(a, "a")
    element(a, "a")
    width = real_dtype(a)
    b, dt = (np.asarray(x, width) if isinstance(x, numbers.Real) and not isinstance(x, np.generic) else
             as_array(x, name) for name, x in (("b", b), ("dt", dt)))
    key = ("discretize", a.shape, a.dtype, b.shape, b.dtype, dt.shape, dt.dtype, method)
    plan, shapes = plans.get(key, lambda: plan_discretize(a, b, dt, method))
    abar, *bbar = (x.reshape(shape) for x, shape in zip(plan((a, b, dt)), shapes))
    return abar, bbar[0] if len(bbar) == 1 else tuple(bbar)


def real_dtype(x):
    """The dtype of x's real parts."""
    return x.real.dtype if x.dtype.kind == "c" else x.dtype


def plan_discretize(a, b, dt, method):
    """The kernel, and the shapes of its results in NumPy: an axis of size 1 is no loop dimension."""
    check_choice(method, METHODS, "method")
    arrays = {"a": a, "b": b, "dt": dt}
    elements = dict(zip(arrays, check_widths(list(arrays), [a, b, dt])))
    if is_complex(elements["dt"]):
        raise TypeError(f"dt: a step is real, but its dtype is {dt.dtype}")
    try:
        shape = np.broadcast_shapes(*(x.shape for x in arrays.values()))
    except ValueError:
        raise ValueError(f"a, b, dt: expected shapes that broadcast against each other, but they are {describe(a)}, "
                         f"{describe(b)}, {describe(dt)}") from None
    dims = LETTERS[:len(shape)]
    sizes = dict(zip(dims, shape))
    program = _text.Program("discretize")
    maps, operands, inner = {}, {}, []
    for name, x in arrays.items():
        maps[name], kept = broadcast_letters(x.shape, name, dims, sizes, "a, b and dt together")
        operands[name] = program.argument(name, kept, elements[name])
        inner.append(kept)
    part = real(elements["a"])
    letters, types, shapes = [], [], []
    for sources in RESULTS[method]:
        letters.append("".join(k for k in dims if any(k in maps[n] for n in sources)))
        element = f"complex<{part}>" if any(is_complex(elements[n]) for n in sources) else part
        types.append((_text.tensor([sizes[k] for k in letters[-1]], element), element))
        shapes.append(np.broadcast_shapes(*(arrays[n].shape for n in sources)))
    values = _text.discretize(program, method, dims, operands["a"], operands["dt"], operands["b"],
                              [maps["a"], maps["dt"], maps["b"], *letters], [type_ for type_, _ in types])
    results = list(zip(values, (type_ for type_, _ in types)))
    if method == "trapezoid":
        # The op leaves out B, which belongs to the time before.
        results = [results[0], before(program, dims, results[2], types[2][1], letters[2], operands["b"], elements["b"],
                                      maps["b"], sizes, part), results[1]]
        shapes = [shapes[0], np.broadcast_shapes(shapes[2], b.shape), shapes[1]]
    for value, type_ in results:
        program.result(value, type_)
    return Plan(program, "auto", inner), shapes


def before(program, dims, previous, element, letters, b, b_element, b_letters, sizes, part):
    """previous * B."""
    own = "".join(k for k in dims if k in letters + b_letters)
    product = f"complex<{part}>" if is_complex(element) or is_complex(b_element) else part
    type_ = _text.tensor([sizes[k] for k in own], product)

    def body(scalars, names):
        computed = f"complex<{wide(part)}>" if is_complex(product) else wide(part)
        x, y = (scalars.convert(v, e, computed) for v, e in zip(names, (element, b_element)))
        return scalars.convert(scalars.binary("mul", x, y, computed), computed, product)
    value = _text.elementwise(program, own, [(*previous, element), (*b, b_element)], [letters, b_letters, own],
                              (type_, product), body)
    return value, type_


# The operands that each result of ssm.discretize is computed from: transition, input and, with trapezoid, previous.
RESULTS = {
    "zoh": (("a", "dt"), ("a", "dt", "b")),
    "bilinear": (("a", "dt"), ("a", "dt", "b")),
    "euler": (("a", "dt"), ("dt", "b")),
    "trapezoid": (("a", "dt"), ("dt", "b"), ("a", "dt")),
}
