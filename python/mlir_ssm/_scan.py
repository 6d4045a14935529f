"""Scans under any associative combiner, traced from a Python function."""

import numbers

import numpy as np

from . import _text
from ._arrays import (ELEMENTS, INTEGERS, as_array, check_axis, check_choice, check_flag, describe, element, is_complex,
                      real)
from ._compile import Plan, plans

NUMBERS = {**ELEMENTS, **INTEGERS}
DTYPES = {e: name for name, e in NUMBERS.items()}


class Traced:
    """A scalar inside a traced function: arithmetic on it becomes code.

    Numbers of Python take the dtype of what they meet; dtypes of one width mix only as real with complex.
    """

    __slots__ = ("emitter", "value", "element")
    __array_ufunc__ = None  # a NumPy scalar on the left defers to __radd__ and its like
    __hash__ = None

    def __init__(self, emitter, value, element):
        self.emitter, self.value, self.element = emitter, value, element

    def emit(self, text, element):
        return Traced(self.emitter, self.emitter.op(text), element)

    def as_element(self, element):
        if self.element == element:
            return self
        if is_complex(element) and real(element) == self.element:
            return Traced(self.emitter, self.emitter.convert(self.value, self.element, element), element)
        raise TypeError(f"fn: {DTYPES[self.element]} and {DTYPES[element]} meet, and nothing is converted silently")

    def binary(self, name, other):
        if not isinstance(other, (Traced, numbers.Number, np.generic)):
            return NotImplemented
        left, right = unify(self, other)
        if left.element == "i1" or (name == "div" and left.element.startswith("i")):
            raise TypeError(f"fn: no {name} of {DTYPES[left.element]}")
        return Traced(self.emitter, self.emitter.binary(name, left.value, right.value, left.element), left.element)

    def compare(self, predicate, other):
        if not isinstance(other, (Traced, numbers.Number, np.generic)):
            return NotImplemented
        left, right = unify(self, other)
        e = left.element
        if is_complex(e):
            if predicate not in ("eq", "ne"):
                raise TypeError("fn: complex numbers have no order")
            return self.emit(f"complex.{'eq' if predicate == 'eq' else 'neq'} {left.value}, {right.value} : {e}", "i1")
        if e.startswith("i"):
            sign = predicate if predicate in ("eq", "ne") else ("u" if e == "i1" else "s") + predicate
            return self.emit(f"arith.cmpi {sign}, {left.value}, {right.value} : {e}", "i1")
        sign = ("u" if predicate == "ne" else "o") + predicate
        return self.emit(f"arith.cmpf {sign}, {left.value}, {right.value} : {e}", "i1")

    def bits(self, name, other):
        if not isinstance(other, (Traced, numbers.Number, np.generic)):
            return NotImplemented
        left, right = unify(self, other)
        if not left.element.startswith("i"):
            raise TypeError(f"fn: no bitwise {name} of {DTYPES[left.element]}")
        return self.emit(f"arith.{name}i {left.value}, {right.value} : {left.element}", left.element)

    def __add__(self, other): return self.binary("add", other)
    def __sub__(self, other): return self.binary("sub", other)
    def __mul__(self, other): return self.binary("mul", other)
    def __truediv__(self, other): return self.binary("div", other)
    __radd__, __rmul__ = __add__, __mul__
    def __rsub__(self, other): return reflected(self, other, "sub")
    def __rtruediv__(self, other): return reflected(self, other, "div")
    def __lt__(self, other): return self.compare("lt", other)
    def __le__(self, other): return self.compare("le", other)
    def __gt__(self, other): return self.compare("gt", other)
    def __ge__(self, other): return self.compare("ge", other)
    def __eq__(self, other): return self.compare("eq", other)
    def __ne__(self, other): return self.compare("ne", other)
    def __and__(self, other): return self.bits("and", other)
    def __or__(self, other): return self.bits("or", other)
    def __xor__(self, other): return self.bits("xor", other)
    __rand__, __ror__, __rxor__ = __and__, __or__, __xor__
    def __pos__(self): return self

    def __neg__(self):
        if is_complex(self.element):
            return self.emit(f"complex.neg {self.value} : {self.element}", self.element)
        if self.element.startswith("i"):
            return 0 - self
        return self.emit(f"arith.negf {self.value} : {self.element}", self.element)

    def __bool__(self):
        raise TypeError("fn: a value has no truth while it is traced; use ssm.where instead of if, and & | instead of "
                        "and, or")


def reflected(right, left, name):
    if not isinstance(left, (numbers.Number, np.generic)):
        return NotImplemented
    return constant(right.emitter, left, right.element).binary(name, right)


def constant(emitter, number, element, name="fn"):
    """A number of Python or NumPy in an element type that holds its kind; `name` is who gave it, for messages."""
    if not isinstance(number, (numbers.Number, np.generic)) or isinstance(number, (np.character, np.datetime64)):
        raise TypeError(f"{name}: expected a number, but it is {type(number).__name__}")
    if isinstance(number, np.generic) and NUMBERS.get(number.dtype.name) != element:
        e = NUMBERS.get(number.dtype.name)
        if e is None or not (is_complex(element) and real(element) == e):
            raise TypeError(f"{name}: a {number.dtype} and {DTYPES[element]} meet, and nothing is converted silently")
    number = number.item() if isinstance(number, np.generic) else number
    kind = ("i1" if isinstance(number, bool) else "i" if isinstance(number, numbers.Integral) else
            "f" if isinstance(number, numbers.Real) else "c")
    ranks = {"i1": 0, "i": 1, "f": 2, "c": 3}
    rank = 3 if is_complex(element) else 0 if element == "i1" else 1 if element.startswith("i") else 2
    if ranks[kind] > rank:
        raise TypeError(f"{name}: the number {number!r} does not fit {DTYPES[element]}, and nothing is converted "
                        "silently")
    return Traced(emitter, emitter.constant(number, element), element)


def unify(left, right):
    """Both in one element type."""
    if not isinstance(right, Traced):
        if isinstance(right, numbers.Complex) and not isinstance(right, numbers.Real) and not is_complex(left.element) \
                and left.element in ("f32", "f64"):
            left = left.as_element(f"complex<{left.element}>")
        return left, constant(left.emitter, right, left.element)
    if not isinstance(left, Traced):
        right, left = unify(right, left)
        return left, right
    target = left.element if is_complex(left.element) else right.element
    return left.as_element(target), right.as_element(target)


def elementary(name, x):
    if not isinstance(x, Traced):
        return getattr(np, name)(x)
    if x.element.startswith("i"):
        raise TypeError(f"fn: no {name} of {DTYPES[x.element]}")
    dialect = "complex" if is_complex(x.element) else "math"
    return x.emit(f"{dialect}.{name} {x.value} : {x.element}", x.element)


def exp(x):
    """e to the x, in a function that is traced or on arrays."""
    return elementary("exp", x)


def log(x):
    """The natural logarithm of x, in a function that is traced or on arrays."""
    return elementary("log", x)


def extreme(name, x, y):
    if not isinstance(x, Traced) and not isinstance(y, Traced):
        return getattr(np, name)(x, y)
    x, y = unify(x, y)
    if is_complex(x.element):
        raise TypeError("fn: complex numbers have no order")
    suffix = "ui" if x.element == "i1" else "si" if x.element.startswith("i") else "imumf"
    short = name[:3] + suffix
    return x.emit(f"arith.{short} {x.value}, {y.value} : {x.element}", x.element)


def maximum(x, y):
    """The larger of x and y, NaN if one is, in a function that is traced or on arrays."""
    return extreme("maximum", x, y)


def minimum(x, y):
    """The smaller of x and y, NaN if one is, in a function that is traced or on arrays."""
    return extreme("minimum", x, y)


def where(condition, x, y):
    """x where the condition holds and y elsewhere, in a function that is traced or on arrays."""
    if not isinstance(condition, Traced):
        if isinstance(x, Traced) or isinstance(y, Traced):
            raise TypeError("fn: the condition of where must be a comparison of traced values")
        return np.where(condition, x, y)
    if condition.element != "i1":
        raise TypeError(f"fn: the condition of where must be a bool, but it is {DTYPES[condition.element]}")
    if not isinstance(x, Traced) and not isinstance(y, Traced):
        raise TypeError("fn: one branch of where must be a traced value")
    x, y = unify(x, y)
    return x.emit(f"arith.select {condition.value}, {x.value}, {y.value} : {x.element}", x.element)


def associative_scan(fn, xs, *, axis=0, reverse=False, exclusive=False, identity=None, strategy="auto"):
    """Prefixes along an axis under an associative combiner: y_t = x_0 * x_1 * ... * x_t, with l * r = fn(l, r).

    Args:
        fn: fn(left, right) combines two elements. It is called once, on scalars that record what is done to them:
            + - * / and comparisons, & | ^ on bools and integers, ssm.exp, ssm.log, ssm.maximum, ssm.minimum and
            ssm.where. It must be associative, and need not commute.
        xs: an array, or a tuple (or list) of arrays of one shape; fn then takes and returns tuples.
        axis: the axis that is scanned.
        reverse: the scan starts at the last element, which is then the first left argument, as in jax.lax.
        exclusive: y_t = x_0 * ... * x_{t-1}, which starts with `identity`.
        identity: what fn leaves alone on either side: a number, or one for each array.
        strategy: "auto" lets the compiler choose; "sequential", "tree_scan".

    Returns:
        y, as xs: an array, or a tuple (or list) of arrays.

    dtypes: float16, bfloat16, float32, float64, complex64, complex128, bool and signed integers, in any mixture of
    arrays; fn returns what it takes.

    Raises:
        TypeError: a dtype that is not one of these, or fn does what cannot be traced.
        ValueError: shapes that differ, an exclusive scan without identity, or a strategy that cannot compute this.
    """
    if not callable(fn):
        raise TypeError(f"fn: expected a function of two elements, but it is {type(fn).__name__}")
    reverse, exclusive = check_flag(reverse, "reverse"), check_flag(exclusive, "exclusive")
    many = isinstance(xs, (tuple, list))
    arrays = [as_array(x, f"xs[{i}]" if many else "xs") for i, x in enumerate(xs if many else (xs,))]
    names = [f"xs[{i}]" if many else "xs" for i in range(len(arrays))]
    if not arrays:
        raise ValueError("xs: expected at least one array, but it is empty")
    elements = [element(x, name, NUMBERS) for x, name in zip(arrays, names)]
    for name, x in zip(names, arrays):
        if x.shape != arrays[0].shape:
            raise ValueError(f"{name}: expected the shape of xs[0], {list(arrays[0].shape)}, but it is {describe(x)}")
    axis = check_axis(axis, arrays[0].ndim, "xs")
    block = trace(fn, elements, type(xs) if many else None)
    key = ("associative_scan", block, arrays[0].shape, tuple(elements), axis, reverse, exclusive, str(identity),
           strategy)
    plan = plans.get(key, lambda: plan_scan(block, arrays[0].shape, elements, axis, reverse, exclusive, identity,
                                            strategy, many))
    results = plan(arrays)
    return type(xs)(results) if many else results[0]


def trace(fn, elements, container):
    """The region of the scan: its block arguments and lines."""
    count = iter(range(10**9))
    emitter = _text.Emitter(lambda: f"%v{next(count)}")
    sides = [[Traced(emitter, f"%{side}{i}", e) for i, e in enumerate(elements)] for side in "lr"]
    results = fn(*(container(side) if container else side[0] for side in sides))
    if not container:
        results = (results,)
    if not isinstance(results, (tuple, list)) or len(results) != len(elements):
        found = len(results) if isinstance(results, (tuple, list)) else type(results).__name__
        raise TypeError(f"fn: expected a tuple of {len(elements)} as its result, but it is {found}")
    values = []
    for i, (result, e) in enumerate(zip(results, elements)):
        if not isinstance(result, (Traced, numbers.Number, np.generic)):
            raise TypeError(f"fn: expected a number as result {i}, but it is {type(result).__name__}")
        values.append((result.as_element(e) if isinstance(result, Traced) else constant(emitter, result, e)).value)
    arguments = ", ".join(f"{x.value}: {x.element}" for side in sides for x in side)
    lines = "\n".join("    " + line for line in emitter.lines)
    return f"  ^bb0({arguments}):\n{lines}\n    ssm.yield {', '.join(values)} : {', '.join(elements)}"


def plan_scan(block, shape, elements, axis, reverse, exclusive, identity, strategy, many):
    check_choice(strategy, ("auto", "sequential", "tree_scan"), "strategy")
    program = _text.Program("associative_scan")
    inputs = [program.argument(f"x{i}", shape, e) for i, e in enumerate(elements)]
    start = []
    if exclusive and identity is None:
        raise ValueError("identity: an exclusive scan starts with it, but it is None")
    if identity is not None:
        if many and not isinstance(identity, (tuple, list)):
            raise TypeError(f"identity: expected a tuple of {len(elements)}, but it is {type(identity).__name__}")
        given = tuple(identity) if many else (identity,)
        if len(given) != len(elements):
            raise ValueError(f"identity: expected {len(elements)} numbers, one for each array, but there are "
                             f"{len(given)}")
        emitter = _text.Emitter(program.value)
        start = [(constant(emitter, value, e, "identity").value, e) for value, e in zip(given, elements)]
        program.lines += ["  " + line for line in emitter.lines]
    attributes = [f"dimension = {axis} : i64", f"direction = #ssm.direction<{'backward' if reverse else 'forward'}>",
                  *(["exclusive"] if exclusive else [])]
    for value, (_, type_) in zip(_text.associative_scan(program, inputs, start, attributes, block), inputs):
        program.result(value, type_)
    return Plan(program, strategy, [None] * len(inputs))
