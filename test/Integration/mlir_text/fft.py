"""Cases of ssm.fft."""

from dataclasses import dataclass

import numpy as np
from reference import ops

from .case import Case, element, normal, tensor


@dataclass(eq=False)
class FFT(Case):
    """ssm.fft of `shape`, that of the longer tensor, along `axis`.

    `real` is the side whose numbers are real: "in", "out" or neither.
    """

    shape: list
    axis: int
    inverse: bool = False
    dtype: str = "f32"
    dynamic: str = ""  # positions of the dimensions of unknown size
    real: str = ""

    def __post_init__(self):
        self.name = f"{self.shape} axis={self.axis} inverse={self.inverse} {self.dtype} {self.dynamic} {self.real}"

    def half(self):
        return [n // 2 + 1 if k == self.axis else n for k, n in enumerate(self.shape)]

    def operands(self):
        shape = self.half() if self.real == "out" else self.shape
        return {"x": normal(np.random.default_rng([*self.name.encode()]), shape, self.dtype, self.real != "in")}

    def type(self, shape, is_complex):
        sizes = ["?" if str(k) in self.dynamic else size for k, size in enumerate(shape)]
        return tensor(sizes, element(self.dtype, is_complex))

    def types(self):
        return ([self.type(self.half() if self.real == "out" else self.shape, self.real != "in")],
                [self.type(self.half() if self.real == "in" else self.shape, self.real != "out")])

    def results(self, i):
        return [f"%X{i}"]

    def body(self, i, strategy=None):
        inverse = ", inverse" if self.inverse else ""
        (operand,), (result,) = self.types()
        arrow = f" -> {result}" if operand != result else ""
        return f"%X{i} = ssm.fft %x{i} {{dimension = {self.axis} : i64{inverse}}} : {operand}{arrow}"

    def expected(self):
        x, n = self.inputs["x"], self.shape[self.axis]
        if self.real == "out":
            # The whole sequence: x_{n-k} = conj(x_k).
            k = np.arange(n)
            x = np.where((k <= n // 2).reshape([-1 if d == self.axis else 1 for d in range(x.ndim)]),
                         np.take(x, np.minimum(k, n // 2), self.axis),
                         np.conj(np.take(x, np.minimum((n - k) % n, n // 2), self.axis)))
            x = _without_imaginary(x, self.axis, n)
        X = (ops.ifft if self.inverse else ops.fft)(x, axis=self.axis)
        if self.real == "out":
            return [X.real]
        return [np.take(X, range(n // 2 + 1), self.axis) if self.real == "in" else X]


def _without_imaginary(x, axis, n):
    """x with real values at 0 and, for even n, at n/2."""
    x = np.moveaxis(x.copy(), axis, 0)
    for k in {0, n // 2 if n % 2 == 0 else 0}:
        x[k] = x[k].real
    return np.moveaxis(x, 0, axis)
