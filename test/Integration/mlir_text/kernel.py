"""Cases of ssm.materialize_kernel."""

from dataclasses import dataclass

import numpy as np
from harness import DTYPES
from reference import ops

from .case import Case, affine, decaying, element, normal, tensor


@dataclass(eq=False)
class Kernel(Case):
    """ssm.materialize_kernel; `spec` "a,b,c->k" has the lag as letter l.

    With `dynamic`, the lag's size comes from a tensor at run time.
    """

    spec: str
    sizes: dict
    dtype: str = "f32"
    complex: str = ""
    projection: str = "none"
    dynamic: bool = False

    def __post_init__(self):
        left, self.k = self.spec.split("->")
        self.letters = dict(zip("abc", left.split(",")))
        self.dims = "".join(dict.fromkeys(self.k + left.replace(",", "")))
        self.name = f"{self.spec} {self.sizes} {self.dtype} {self.complex} {self.projection} {self.dynamic}"

    def operands(self):
        rng = np.random.default_rng([*self.name.encode()])
        out = {k: (decaying if k == "a" else normal)(
            rng, [self.sizes[s] for s in v], self.dtype, k in self.complex) for k, v in self.letters.items()}
        if self.dynamic:
            out["l"] = np.zeros(self.sizes["l"], DTYPES[self.dtype])
        return out

    def types(self):
        operands = [tensor([self.sizes[s] for s in v], element(self.dtype, k in self.complex))
                    for k, v in self.letters.items()]
        shape = ["?" if s == "l" and self.dynamic else self.sizes[s] for s in self.k]
        result = tensor(shape, element(self.dtype, bool(self.complex) and self.projection == "none"))
        return operands + ([f"tensor<?x{self.dtype}>"] if self.dynamic else []), [result]

    def results(self, i):
        return [f"%k{i}"]

    def body(self, i, strategy=None):
        (a, b, c, *_), (result,) = self.types()
        maps = ", ".join(affine(self.dims, v) for v in [*self.letters.values(), self.k])
        size, length = "", ""
        if self.dynamic:
            size = f"%z{i} = arith.constant 0 : index\n  %n{i} = tensor.dim %l{i}, %z{i} : tensor<?x{self.dtype}>\n  "
            length = f" length(%n{i})"
        return (f"{size}%k{i} = ssm.materialize_kernel transition(%a{i} : {a}) input(%b{i} : {b}) output(%c{i} : {c})"
                f"{length} {{indexing_maps = [{maps}], time = {self.dims.index('l')} : i64, "
                f"projection = #ssm.projection<{self.projection}>}} -> {result}")

    def expected(self):
        x = [self.inputs[k] for k in "abc"]
        if self.sizes["l"] == 0:
            return [np.zeros([self.sizes[s] for s in self.k])]
        return [ops.materialize_kernel(self.spec, *x, self.sizes["l"], output=self.projection)]
