"""Cases of ssm.long_conv, and two oracles."""

from dataclasses import dataclass

import numpy as np
from reference import ops

from .case import Case, affine, element, extended, normal, pinned, tensor


@dataclass(eq=False)
class Conv(Case):
    """ssm.long_conv; `spec` "u,k->y" over letters of which t is time.

    The kernel has `taps` taps, and decays from lag 0 on as those of a
    recurrence do.
    """

    spec: str
    sizes: dict
    taps: int
    dtype: str = "f32"
    complex: str = ""
    numerics: str = "norm"
    dynamic: str = ""
    direction: str = "forward"

    def __post_init__(self):
        left, self.y = self.spec.split("->")
        self.u, self.k = left.split(",")
        self.name = f"{self.spec} {self.sizes} taps={self.taps} {self.dtype} {self.complex} {self.dynamic}"
        self.future = self.taps // 2 if self.direction == "two_sided" else 0
        if self.direction != "forward":
            self.name += f" {self.direction}"

    def size(self, letter, of):
        return self.taps if of == "k" and letter == "t" else self.sizes[letter]

    def operands(self):
        rng = np.random.default_rng([*self.name.encode()])
        out = {k: normal(rng, [self.size(s, k) for s in getattr(self, k)], self.dtype, k in self.complex) for k in "uk"}
        decay = 0.98 ** np.abs(np.arange(self.taps) - self.future).reshape([-1 if s == "t" else 1 for s in self.k])
        out["k"] = (out["k"] * decay).astype(out["k"].dtype)
        return out

    def types(self):
        def of(which, is_complex):
            shape = ["?" if s in self.dynamic else self.size(s, which) for s in getattr(self, which)]
            return tensor(shape, element(self.dtype, is_complex))
        return [of(k, k in self.complex) for k in "uk"], [of("y", bool(self.complex))]

    def results(self, i):
        return [f"%y{i}"]

    def body(self, i, strategy=None):
        (u, k), (y,) = self.types()
        maps = ", ".join(affine(self.y, v) for v in [self.u, self.k, self.y])
        return (f"%y{i} = ssm.long_conv %u{i}, %k{i} {{indexing_maps = [{maps}], time = {self.y.index('t')} : i64, "
                f"direction = #ssm.direction<{self.direction}>, "
                f"{', '.join([f'numerics = #ssm.numerics<{self.numerics}>', *pinned(self.strategy or strategy)])}}} : {u}, {k} -> {y}")

    def expected(self):
        def spread(letters, x):
            """x with its axes in y's order, 1 where it has none, time last."""
            x = np.einsum(f"{letters}->{''.join(s for s in self.y if s in letters)}", extended(x))
            x = x[tuple(slice(None) if s in letters else None for s in self.y)]
            return np.moveaxis(x, self.y.index("t"), -1)
        u, k = spread(self.u, self.inputs["u"]), spread(self.k, self.inputs["k"])
        shape = [self.sizes[s] for s in self.y if s != "t"]
        u = np.broadcast_to(u, (*shape, u.shape[-1]))
        direct = u.shape[-1] * self.taps <= 2**17
        if self.direction == "backward":
            u = u[..., ::-1]
        y = direct_sum(u, k, self.future) if direct else convolve(u, k, self.future)
        if self.direction == "backward":
            y = y[..., ::-1]
        return [np.moveaxis(np.broadcast_to(y, (*shape, u.shape[-1])), -1, self.y.index("t"))]


def direct_sum(u, k, future):
    """y_t = sum_d k_{future+d} u_{t-d}."""
    length = u.shape[-1]
    if future == 0 or length == 0:
        return ops.long_conv(u, k)
    lags = np.arange(-(length - 1), length) + future
    inside = (lags >= 0) & (lags < k.shape[-1])
    whole = np.zeros((*k.shape[:-1], lags.size), k.dtype)
    whole[..., inside] = k[..., lags[inside]]
    return ops.long_conv(u, whole, mode="two_sided")


def convolve(u, k, future=0):
    """direct_sum by NumPy's Fourier transform in extended precision."""
    n, length = u.shape[-1] + k.shape[-1], u.shape[-1]
    u, k = (np.asarray(x).astype(np.clongdouble if np.iscomplexobj(x) else np.longdouble) for x in (u, k))
    y = np.fft.ifft(np.fft.fft(u, n) * np.fft.fft(k, n))[..., future : future + length]
    assert y.dtype == np.clongdouble
    return y if np.iscomplexobj(u) or np.iscomplexobj(k) else y.real
