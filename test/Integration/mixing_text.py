"""Recurrences whose transition mixes the state, as MLIR text, with their oracle."""

from dataclasses import dataclass

import numpy as np
from mlir_text import Recurrence, norm, normal
from reference import ops


@dataclass(eq=False)
class Mixing(Recurrence):
    """A recurrence whose transition mixes the states along the letter `row`.

    Dense: a has the letter `column` too. Diagonal plus low rank: `p` and `q`
    are the letters of the factors. `init` and `final` are the state's letters.
    """

    row: str = "n"
    column: str = ""
    p: str = ""
    q: str = ""
    start: bool = False  # an initial state is given

    def __post_init__(self):
        left, self.y = self.spec.split("->")
        self.letters = dict(zip("abcu", left.split(",")))
        self.letters.update(p=self.p, q=self.q)
        self.state = ops.state_letters(self.spec).replace(self.column or "-", "")
        self.final = self.final or self.state
        self.letters["h"] = self.final if self.start else ""
        self.dims = "".join(dict.fromkeys(self.y + self.state + left.replace(",", "") + self.p))
        self.present = [k for k in "aubchpq" if k in "au" or self.letters[k]]
        sizes = " ".join(f"{k}={v}" for k, v in self.sizes.items())
        flags = [f"{k}={v}" for k, v in vars(self).items()
                 if k in ("complex", "wide", "p", "q", "reverse", "read", "projection", "start", "final", "dynamic") and v]
        self.name = " ".join([self.spec, sizes, self.dtype, *flags])

    def operands(self):
        """Transitions of norm below 0.97."""
        data = super().operands()
        rng = np.random.default_rng([self.seed, *self.name.encode()])
        for k in [k for k in "apq" if k in data]:
            x = normal(rng, data[k].shape, self.dtype_of(k), k in self.complex)
            axes = [self.letters[k].index(s) for s in self.row + self.column if s in self.letters[k]]
            if k == "a" and self.column:
                x = x * (0.97 / np.linalg.norm(x, 2, axis=tuple(axes), keepdims=True))
            elif k == "a":
                x = 0.4 * x / (1 + np.abs(x))
            else:
                x = x * (0.75 / np.sqrt(self.sizes.get("r", 1)) / np.linalg.norm(x, axis=axes[0], keepdims=True))
            data[k] = x.astype(data[k].dtype)
        return data

    def step(self, t, h, x):
        """A_t h + b_t u_t, by the equation."""
        def at(k):
            names = self.letters[k]
            v = x.get(k, np.longdouble(1))
            return (np.take(v, t, axis=names.index("t")), names.replace("t", "")) if "t" in names else (v, names)
        (a, al), (b, bl), (u, ul) = at("a"), at("b"), at("u")
        hs, moved = self.state, self.state.replace(self.row, self.column or self.row)
        new = np.einsum(f"{bl},{ul},{hs}->{hs}", b, u, np.ones_like(h))
        new = new + np.einsum(f"{al},{moved}->{hs}", a, h)
        if self.p:
            (p, pl), (q, ql) = at("p"), at("q")
            inner = "".join(dict.fromkeys((ql + hs).replace(self.row, "")))
            new = new + np.einsum(f"{pl},{inner}->{hs}", p, np.einsum(f"{ql},{hs}->{inner}", q.conj(), h))
        return new

    def expected(self):
        wide = np.clongdouble if self.complex else np.longdouble
        x = {k: v.astype(np.clongdouble if np.iscomplexobj(v) else np.longdouble) for k, v in self.inputs.items()}
        h = np.zeros(self.shape(self.state), wide)
        if self.start:
            h = h + np.einsum(f"{self.final}->{self.state}", x["h"])
        y = np.zeros(self.shape(self.y), wide)
        states = np.zeros([*h.shape, self.sizes["t"]], wide)
        terms = np.zeros(y.shape, np.longdouble)
        times = range(self.sizes["t"])
        for t in reversed(times) if self.reverse else times:
            before, h = h, self.step(t, h, x)
            seen = h if self.read == "after" else before
            states[..., t] = h
            c, names = x.get("c", np.longdouble(1)), self.letters["c"]
            if "t" in names:
                c, names = np.take(c, t, axis=names.index("t")), names.replace("t", "")
            for array, f in ((y, lambda v: v), (terms, np.abs)):
                out = np.einsum(f"{names},{self.state}->{self.y.replace('t', '')}", f(c), f(seen))
                np.moveaxis(array, self.y.index("t"), 0)[t] = out
        self.states, self.terms = states, terms
        if self.projection != "none":
            y = y.real * (2 if self.projection == "twice_real" else 1)
        if not np.iscomplexobj(self.inputs["u"]) and not self.complex:
            y = y.real
        return [y, np.einsum(f"{self.state}->{self.final}", h)]

    def scales(self):
        """What C sums may cancel: an output's error is relative to the terms."""
        _, final = self.oracle
        if not self.sizes["t"]:
            return [1, norm(final)]
        return [norm(self.terms), norm(np.max(np.abs(self.states), axis=-1))]

    def body(self, i, strategy=None):
        text = super().body(i, strategy)
        row = f"row = {self.dims.index(self.row)} : i64"
        column = f", column = {self.dims.index(self.column)} : i64" if self.column else ""
        return text.replace("{indexing_maps", f"{{{row}{column}, indexing_maps")
