"""Cases of ssm.linear_recurrence."""

from dataclasses import dataclass

import numpy as np
from reference import ops

from .case import Case, affine, decaying, element, extended, norm, normal, pinned, tensor


@dataclass(eq=False)
class Recurrence(Case):
    """ssm.linear_recurrence; `spec` is that of reference.ops.state_space.

    An empty b or c is an absent operand. `complex` holds the letters of the
    complex operands among a, b, c, u and h (the initial state), `wide` those of
    the operands in f64, which make the state f64; `init` and `final` are the letters of those, by default those of the state; `dynamic`
    the loop dimensions of unknown size.
    """

    spec: str
    sizes: dict
    dtype: str = "f32"
    complex: str = ""
    wide: str = ""
    reverse: bool = False
    read: str = "after"
    projection: str = "none"
    numerics: str = "norm"
    init: str | None = None
    final: str | None = None
    dynamic: str = ""
    strategy: str = ""
    seed: int = 0

    def __post_init__(self):
        left, self.y = self.spec.split("->")
        self.letters = dict(zip("abcu", left.split(",")))
        self.state = ops.state_letters(self.spec)
        self.final = self.state if self.final is None else self.final
        if self.init is not None:
            self.letters["h"] = self.init
        self.dims = "".join(dict.fromkeys(self.y + self.state + left.replace(",", "")))
        self.present = [k for k in "aubch" if k in "au" or self.letters.get(k) or (k == "h" and self.init is not None)]
        flags = [f"{k}={v}" for k, v in vars(self).items()
                 if k in ("complex", "wide", "reverse", "read", "projection", "numerics", "init", "final", "dynamic", "strategy")
                 and v not in ("", False, "after", "none", "norm", None) and not (k == "final" and v == self.state)]
        sizes = " ".join(f"{k}={v}" for k, v in self.sizes.items())
        self.name = " ".join([self.spec, sizes, self.dtype, *flags])

    def shape(self, letters):
        return [self.sizes[k] for k in letters]

    def state_dtype(self):
        narrow = self.dtype in ("f16", "bf16")
        return "f64" if set(self.wide) & set(self.present) else "f32" if narrow else self.dtype

    def dtype_of(self, operand):
        return self.state_dtype() if operand == "h" else "f64" if operand in self.wide else self.dtype

    def operands(self):
        rng = np.random.default_rng([self.seed, *self.name.encode()])
        return {k: (decaying if k == "a" else normal)(
                    rng, self.shape(self.letters[k]), self.dtype_of(k), k in self.complex) for k in self.present}

    def type(self, letters, is_complex, dtype=None):
        shape = ["?" if k in self.dynamic else self.sizes[k] for k in letters]
        return tensor(shape, element(dtype or self.dtype, is_complex))

    def types(self):
        operands = [self.type(self.letters[k], k in self.complex, self.dtype_of(k)) for k in self.present]
        state = any(k in self.complex for k in "abuhpq" if k in self.present)
        output = (state or ("c" in self.complex and "c" in self.present)) and self.projection == "none"
        return operands, [self.type(self.y, output), self.type(self.final, state, self.state_dtype())]

    def results(self, i):
        return [f"%y{i}", f"%x{i}"]

    def body(self, i, strategy=None):
        word = {"a": "transition", "u": "signal", "b": "input", "c": "output", "h": "init"}
        operands, results = self.types()
        text = " ".join(f"{word[k]}(%{k}{i} : {t})" for k, t in zip(self.present, operands) if k in word)
        if "p" in self.present:
            text += f" low_rank(%p{i}, %q{i} : {operands[-2]}, {operands[-1]})"
        maps = ", ".join(affine(self.dims, v) for v in [*(self.letters[k] for k in self.present), self.y, self.final])
        attributes = [f"indexing_maps = [{maps}]", f"time = {self.dims.index('t')} : i64",
                      f"direction = #ssm.direction<{'backward' if self.reverse else 'forward'}>",
                      f"read = #ssm.read<{self.read}>", f"projection = #ssm.projection<{self.projection}>",
                      f"numerics = #ssm.numerics<{self.numerics}>"]
        attributes += pinned(self.strategy or strategy)
        return (f"%y{i}, %x{i} = ssm.linear_recurrence {text} {{{', '.join(attributes)}}} "
                f"-> {results[0]}, {results[1]}")

    def expected(self):
        x = {k: extended(v) for k, v in self.inputs.items()}
        init = None
        if "h" in x:
            # The oracle's state has all its letters, in its own order.
            h = np.einsum(f"{self.init}->{''.join(k for k in self.state if k in self.init)}", x["h"])
            h = h.reshape([self.sizes[k] if k in self.init else 1 for k in self.state])
            init = np.broadcast_to(h, self.shape(self.state))
        one = np.array(1.0)
        y, final = ops.state_space(self.spec, x["a"], x.get("b", one), x.get("c", one), x["u"], init=init,
                                   output=self.projection, reverse=self.reverse, read=self.read)
        self.states = y
        if "c" in x:
            spec = ",".join([self.letters["a"], self.letters["b"], "", self.letters["u"]]) + f"->{self.state}t"
            self.states, _ = ops.state_space(spec, x["a"], x.get("b", one), one, x["u"], init=init,
                                             reverse=self.reverse)
        return [y, np.einsum(f"{self.state}->{self.final}", final)]

    def scales(self):
        """A state may pass near zero: the last one's error is relative to the
        largest that each of its elements was over time."""
        y, final = self.oracle
        if not self.sizes["t"]:
            return [norm(y), norm(final)]
        time = len(self.state) if "c" in self.inputs else self.y.index("t")
        return [norm(y), norm(np.max(np.abs(self.states), axis=time))]
