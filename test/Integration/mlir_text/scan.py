"""Cases of ssm.associative_scan."""

from dataclasses import dataclass, field

import numpy as np
from harness import DTYPES
from reference import ops

from .case import Case, extended, pinned, tensor


@dataclass(eq=False)
class Scan(Case):
    """ssm.associative_scan of the combiner `body_text` over `types_`.

    `fn` is the same combiner on NumPy arrays; `data` makes the inputs.
    """

    title: str
    elements: list
    shape: list
    axis: int
    combiner: str
    fn: object
    data: object
    identity: list = field(default_factory=list)  # Python numbers
    exclusive: bool = False
    reverse: bool = False
    dynamic: bool = False
    dtype: str = "f32"

    def __post_init__(self):
        flags = [w for w in ("exclusive", "reverse", "dynamic") if getattr(self, w)]
        self.name = " ".join([self.title, "x".join(map(str, self.shape)), f"axis={self.axis}", *flags])

    def operands(self):
        rng = np.random.default_rng([*self.name.encode()])
        arrays = self.data(rng, self.shape)
        return {f"s{k}_": np.asarray(x).astype(DTYPES[e]) for k, (x, e) in enumerate(zip(arrays, self.elements))}

    def types(self):
        shape = ["?" if self.dynamic else s for s in self.shape]
        types = [tensor(shape, e) for e in self.elements]
        return types, types

    def results(self, i):
        return [f"%r{i}_{k}" for k in range(len(self.elements))]

    def body(self, i, strategy=None):
        lines, identity = [], ""
        n = len(self.elements)
        if self.identity:
            names = [f"%id{i}_{k}" for k in range(n)]
            lines = [f"{name} = arith.constant {value} : {e}"
                     for name, value, e in zip(names, self.identity, self.elements)]
            identity = f" identity({', '.join(names)} : {', '.join(self.elements)})"
        attributes = [f"dimension = {self.axis} : i64",
                      f"direction = #ssm.direction<{'backward' if self.reverse else 'forward'}>"]
        if self.exclusive:
            attributes.append("exclusive")
        attributes += pinned(strategy)
        arguments = ", ".join(f"%{side}{k}: {e}" for side in "lr" for k, e in enumerate(self.elements))
        inputs = ", ".join(f"%s{k}_{i}" for k in range(n))
        lines.append(f"{', '.join(self.results(i))} = ssm.associative_scan({inputs}){identity} "
                     f"{{{', '.join(attributes)}}} : ({', '.join(self.types()[0])}) {{\n"
                     f"  ^bb0({arguments}):\n{self.combiner}\n  }}")
        return "\n  ".join(lines)

    def expected(self):
        xs = tuple(self.inputs.values())
        if self.shape[self.axis] == 0:
            return list(xs)
        identity = tuple(float(v) if "f" in e else int(v) for v, e in zip(self.identity, self.elements)) or None
        return ops.associative_scan(self.fn, tuple(map(extended, xs)), axis=self.axis, reverse=self.reverse,
                                    exclusive=self.exclusive, identity=identity)
