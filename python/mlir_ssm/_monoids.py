"""The associative combiners that mlir_ssm.jax and mlir_ssm.torch know, and so have a gradient for."""

from ._arrays import check_axis, describe


class Polynomial:
    """A sum of products of arguments, as {sorted names: coefficient}: what a known combiner computes."""

    def __init__(self, terms):
        self.terms = terms

    def __add__(self, other):
        if not isinstance(other, Polynomial):
            return NotImplemented
        terms = dict(self.terms)
        for names, count in other.terms.items():
            terms[names] = terms.get(names, 0) + count
        return Polynomial(terms)

    def __mul__(self, other):
        if not isinstance(other, Polynomial):
            return NotImplemented
        terms = {}
        for left, m in self.terms.items():
            for right, n in other.terms.items():
                names = tuple(sorted(left + right))
                terms[names] = terms.get(names, 0) + m * n
        return Polynomial(terms)

    __array_ufunc__ = None


def recognize(fn, count, library, instead):
    """"sum", "product" or "affine"; `count` is that of a tuple of arrays, 0 for one array. Messages name the extrema of
    `library`, and what to use instead."""
    left = tuple(Polynomial({(f"l{i}",): 1}) for i in range(max(count, 1)))
    right = tuple(Polynomial({(f"r{i}",): 1}) for i in range(max(count, 1)))
    try:
        combined = fn(left, right) if count else (fn(left[0], right[0]),)
        terms = [p.terms for p in combined]
    except Exception:
        terms = None
    if terms == [{("l0",): 1, ("r0",): 1}]:
        return "sum"
    if terms == [{("l0", "r0"): 1}]:
        return "product"
    if terms == [{("l0", "r0"): 1}, {("l1", "r0"): 1, ("r1",): 1}]:
        return "affine"
    refuse(library, instead)


def refuse(library, instead):
    raise ValueError(f"fn: expected a sum, a product, {library}.maximum, {library}.minimum, or the composition of affine "
                     f"pairs, (a, b), (c, d) to (c a, c b + d), but it is something else; use {instead}")


def check_arrays(arrays, axis):
    """The axis counted from 0 of arrays that have one shape."""
    if not arrays:
        raise ValueError("xs: expected at least one array, but it is empty")
    for i, other in enumerate(arrays):
        if other.shape != arrays[0].shape:
            raise ValueError(f"xs[{i}]: expected the shape of xs[0], {list(arrays[0].shape)}, but it is "
                             f"{describe(other)}")
    return check_axis(axis, arrays[0].ndim, "xs")


def scan(monoid, arrays, axis, run, xp):
    """The results of a scan; run(a, x, init=None) is linear_recurrence, and `xp` the library's module."""
    x = arrays[0]
    outer = x.shape[:axis] + x.shape[axis + 1:]
    if monoid == "sum":
        return (run(xp.ones((), dtype=x.dtype), x)[0],)
    products = run(x, xp.zeros_like(x), init=xp.ones(outer, dtype=x.dtype))[0]
    return (products,) if monoid == "product" else (products, run(x, arrays[1])[0])
