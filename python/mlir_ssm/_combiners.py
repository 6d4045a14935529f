"""What the combiner of a scan does with the state before: read from its trace by JAX.

A combiner takes two tuples of arrays, a state and what comes next, to the state after. Where each array of it is

    coefficient * before + rest

with a coefficient and a rest that are computed from what comes next alone, the scan is linear recurrences. Decays that
several states share, states that begin anew where a flag is set and calls under jax.vmap are such. Since a combiner is
associative, the rest is what comes next itself, or nothing where the coefficient is that (a product).
"""

import dataclasses

import jax
import jax.numpy as jnp
from jax import lax


@dataclasses.dataclass(frozen=True)
class Affine:
    """Of the array `number` of the state before: coefficient * before + rest, where None is 1 and 0. The scan of it
    begins with `start` before the first element; None if that is not known."""
    number: int
    coefficient: jax.Array | None = None
    rest: jax.Array | None = None
    start: int | None = None

    def is_before(self):
        return self.coefficient is None and self.rest is None


@dataclasses.dataclass(frozen=True)
class Extremum:
    """The larger or smaller one, by name, of the array before and the next."""
    number: int
    name: str


class Unknown(Exception):
    """What is neither."""


def add(reader, state, other):
    if isinstance(other, Affine) or state.rest is not None:
        raise Unknown
    following = reader.following[state.number]
    is_next = other is following and state.coefficient is not following
    return dataclasses.replace(state, rest=other, start=0 if is_next else None)


def multiply(reader, state, other):
    if isinstance(other, Affine) or state.rest is not None:
        raise Unknown
    is_product = state.is_before() and other is reader.following[state.number]
    coefficient = other if state.coefficient is None else state.coefficient * other
    return Affine(state.number, coefficient, start=1 if is_product else None)


def extremum(name):
    def make(reader, state, other):
        if not (isinstance(state, Affine) and state.is_before() and other is reader.following[state.number]):
            raise Unknown
        return Extremum(state.number, name)
    return make


def select(reader, which, *cases):
    """The next array, where a flag that comes with it is set, or a state."""
    states = [c for c in cases if isinstance(c, Affine)]
    if isinstance(which, Affine) or len(cases) != 2 or len(states) != 1 or states[0].start is None:
        raise Unknown
    state = states[0]
    following = reader.following[state.number]
    if not any(c is following for c in cases):
        raise Unknown

    def choose(of_state, of_next):
        return lax.select_n(which, *(of_state if c is state else of_next for c in cases))
    zero = jnp.zeros_like(following)
    coefficient = jnp.ones_like(following) if state.coefficient is None else state.coefficient
    rest = following if state.rest is following else choose(zero, following)
    return dataclasses.replace(state, coefficient=choose(coefficient, zero), rest=rest)



SYMMETRIC = {"add": add, "add_any": add, "mul": multiply, "max": extremum("max"), "min": extremum("min"),
             "or": extremum("max"), "and": extremum("min")}
SHAPING = ("broadcast_in_dim", "convert_element_type", "copy", "copy_p", "reshape", "squeeze", "transpose")


class Reader:
    def __init__(self, following):
        self.following = following

    def read(self, jaxpr, constants, arguments):
        """What a program makes of states before, as Affine, and of arrays."""
        known = dict(zip(jaxpr.constvars, constants)) | dict(zip(jaxpr.invars, arguments))
        for eqn in jaxpr.eqns:
            values = [x.val if isinstance(x, jax.extend.core.Literal) else known[x] for x in eqn.invars]
            known.update(zip(eqn.outvars, self.apply(eqn, values)))
        return [x.val if isinstance(x, jax.extend.core.Literal) else known[x] for x in jaxpr.outvars]

    def apply(self, eqn, values):
        states = [x for x in values if isinstance(x, (Affine, Extremum))]
        inner = next((eqn.params[k] for k in ("jaxpr", "call_jaxpr", "fun_jaxpr") if k in eqn.params), None)
        if isinstance(inner, jax.extend.core.ClosedJaxpr) and len(inner.in_avals) == len(values):
            return self.read(inner.jaxpr, inner.consts, values)
        if not states:
            made = eqn.primitive.bind(*values, **eqn.params)
            return made if eqn.primitive.multiple_results else [made]
        name = eqn.primitive.name
        if any(isinstance(x, Extremum) for x in states):
            raise Unknown
        if name in SYMMETRIC:
            left, right = values if isinstance(values[0], Affine) else values[::-1]
            return [SYMMETRIC[name](self, left, right)]
        if name == "select_n":
            return [select(self, *values)]
        before, after = eqn.invars[0].aval, eqn.outvars[0].aval
        if name in SHAPING and (before.shape, before.dtype) == (after.shape, after.dtype) and name != "transpose":
            return [values[0]]
        raise Unknown


def read_combiner(fn, arrays):
    """An Affine or Extremum for each array of the state, or None if `fn`, of two lists of arrays, is something else."""
    try:
        traced = jax.make_jaxpr(fn)(*[[jax.ShapeDtypeStruct(x.shape, x.dtype) for x in arrays]] * 2)
        before = [Affine(i) for i in range(len(arrays))]
        made = Reader(arrays).read(traced.jaxpr, traced.consts, [*before, *arrays])
    except Exception:  # Whatever the function does with arrays of these shapes.
        return None
    is_known = all(isinstance(x, Extremum) or isinstance(x, Affine) and x.start is not None for x in made)
    return made if is_known and [x.number for x in made] == list(range(len(arrays))) else None
