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

    With "trapezoid", bbar is the pair (before, now) of x_t = abar x_{t-1} + before u_{t-1} + now u_t.

    Args:
        a, b, dt: broadcast against each other as in NumPy. A number of Python takes the precision of a.
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
    abar, *bbar = plans.get(key, lambda: plan_discretize(a, b, dt, method))((a, b, dt))
    return abar, bbar[0] if len(bbar) == 1 else tuple(bbar)


def real_dtype(x):
    """The dtype of x's real parts."""
    return x.real.dtype if x.dtype.kind == "c" else x.dtype


def plan_discretize(a, b, dt, method):
    check_choice(method, METHODS, "method")
    names, arrays = ("a", "b", "dt"), (a, b, dt)
    elements = dict(zip(names, check_widths(names, arrays)))
    shape_of = dict(zip(names, (x.shape for x in arrays)))
    try:
        shape = np.broadcast_shapes(*shape_of.values())
    except ValueError:
        raise ValueError(f"a, b, dt: expected shapes that broadcast against each other, but they are {describe(a)}, "
                         f"{describe(b)}, {describe(dt)}") from None
    dims = LETTERS[:len(shape)]
    sizes = dict(zip(dims, shape))
    program = _text.Program("discretize")
    values, maps, shapes = {}, {}, []
    for name, x in zip(names, arrays):
        maps[name], shape = broadcast_letters(x.shape, name, dims, sizes, "a, b and dt together")
        shapes.append(shape)
        values[name] = (*program.argument(name, shape, elements[name]), elements[name])

    part = real(elements["a"])
    for operands, formula in FORMULAS[method]:
        # One result over the last dims, computed in at least 32 bits.
        complex_ = any(is_complex(elements[n]) for n in operands)
        stored, computed = (f"complex<{p}>" if complex_ else p for p in (part, wide(part)))

        def body(scalars, names, operands=operands, formula=formula, stored=stored, computed=computed):
            inputs = [scalars.convert(x, elements[n], computed) for n, x in zip(operands, names)]
            return scalars.convert(formula(Formula(scalars, computed), *inputs), computed, stored)
        shape = np.broadcast_shapes(*(shape_of[n] for n in operands))
        own = dims[len(dims) - len(shape):]
        result = _text.tensor(shape, stored)
        value = _text.elementwise(program, own, [values[n] for n in operands], [*(maps[n] for n in operands), own],
                                  (result, stored), body)
        program.result(value, result)
    return Plan(program, "auto", shapes)


class Formula:
    """Arithmetic on values of one element type."""

    def __init__(self, scalars, element):
        self.scalars, self.element = scalars, element

    def number(self, value): return self.scalars.constant(value, self.element)
    def add(self, x, y): return self.scalars.binary("add", x, y, self.element)
    def sub(self, x, y): return self.scalars.binary("sub", x, y, self.element)
    def mul(self, x, y): return self.scalars.binary("mul", x, y, self.element)
    def div(self, x, y): return self.scalars.binary("div", x, y, self.element)

    def call(self, name, x):
        dialect = "complex" if is_complex(self.element) else "math"
        return self.scalars.op(f"{dialect}.{name} {x} : {self.element}")

    def is_zero(self, x):
        if is_complex(self.element):
            return self.scalars.op(f"complex.eq {x}, {self.number(0)} : {self.element}")
        return self.scalars.op(f"arith.cmpf oeq, {x}, {self.number(0)} : {self.element}")

    def select(self, condition, x, y):
        return self.scalars.op(f"arith.select {condition}, {x}, {y} : {self.element}")

    def half_step(self, a, dt):
        return self.mul(self.number(0.5), self.mul(dt, a))

    def exp_step(self, a, dt):
        return self.call("exp", self.mul(dt, a))


def zoh_input(f, a, b, dt):
    """dt b (exp(z) - 1) / z with z = dt a, which is 1 at z = 0."""
    z = f.mul(dt, a)
    zero = f.is_zero(z)
    safe = f.select(zero, f.number(1), z)
    factor = f.select(zero, f.number(1), f.div(f.call("expm1", safe), safe))
    return f.mul(f.mul(factor, dt), b)


def bilinear_transition(f, a, dt):
    half = f.half_step(a, dt)
    return f.div(f.add(f.number(1), half), f.sub(f.number(1), half))


EXPONENTIAL = (("a", "dt"), lambda f, a, dt: f.exp_step(a, dt))
FORMULAS = {
    "zoh": (EXPONENTIAL, (("a", "b", "dt"), zoh_input)),
    "bilinear": ((("a", "dt"), bilinear_transition),
                 (("a", "b", "dt"), lambda f, a, b, dt: f.div(f.mul(dt, b), f.sub(f.number(1), f.half_step(a, dt))))),
    "euler": (EXPONENTIAL, (("b", "dt"), lambda f, b, dt: f.mul(dt, b))),
    "trapezoid": (EXPONENTIAL,
                  (("a", "b", "dt"),
                   lambda f, a, b, dt: f.mul(f.mul(f.mul(f.number(0.5), dt), f.exp_step(a, dt)), b)),
                  (("b", "dt"), lambda f, b, dt: f.mul(f.mul(f.number(0.5), dt), b))),
}
