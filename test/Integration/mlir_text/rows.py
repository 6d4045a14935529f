"""Norms and softmaxes of rows, as programs and in float64."""

from dataclasses import dataclass

import numpy as np

ADD, MAX = "arith.addf %o, %e fastmath<reassoc>", "arith.maximumf %o, %e"


@dataclass
class Rows:
    """Of the last dimension of a tensor of this shape; `kind` is "softmax", "layer_norm", "rms_norm" or "log_sum_exp".

    A size of `dynamic` is not known when it is compiled; results are of `dtype`, and sums of f32, or f64.
    """

    kind: str
    shape: list
    dtype: str = "f32"
    dynamic: bool = False

    @property
    def name(self):
        return f"{self.kind} {'x'.join(map(str, self.shape))} {self.dtype}{' dynamic' if self.dynamic else ''}"

    @property
    def real(self):
        return "f64" if self.dtype == "f64" else "f32"

    @property
    def result_shape(self):
        return self.shape[:-1] if self.kind == "log_sum_exp" else self.shape

    def oracle(self, x, gain):
        x = np.asarray(x, float)
        def mean(x):
            return np.mean(x, axis=-1, keepdims=True)
        if self.kind in ("layer_norm", "rms_norm"):
            x = x - mean(x) if self.kind == "layer_norm" else x
            return x / np.sqrt(mean(x * x) + 1e-5) * gain
        top = np.max(x, axis=-1, keepdims=True)
        total = np.sum(np.exp(x - top), axis=-1, keepdims=True)
        return (np.log(total) + top)[..., 0] if self.kind == "log_sum_exp" else np.exp(x - top) / total

    def text(self):
        return _Writer(self).text()


class _Writer:
    """Each line is an op; tensors are whole ones or have one element for each row."""

    def __init__(self, case):
        self.case, self.lines, self.count = case, [], 0
        self.rank = len(case.shape)
        self.dims = [f"d{i}" for i in range(self.rank)]
        sizes = ["?" if case.dynamic else str(n) for n in case.shape]
        self.tensors = {"all": sizes, "rows": sizes[:-1], "last": sizes[-1:]}

    def type(self, like, element=None):
        return f"tensor<{''.join(f'{n}x' for n in self.tensors[like])}{element or self.case.real}>"

    def map(self, like, loops):
        kept = {"all": self.dims, "rows": self.dims[:-1], "last": self.dims[-1:]}[like]
        return f"affine_map<({', '.join(loops)}) -> ({', '.join(kept)})>"

    def name_it(self):
        self.count += 1
        return f"%v{self.count}"

    def empty(self, like, element=None):
        sizes = {"all": self.dims, "rows": self.dims[:-1]}[like]
        listed = ", ".join(f"%{d}" for d in sizes) if self.case.dynamic else ""
        name = self.name_it()
        self.lines.append(f"{name} = tensor.empty({listed}) : {self.type(like, element)}")
        return name

    def generic(self, inputs, body, like="all", out=None, reduces=False, element=None):
        """`inputs` are names and likes; the body's values are %e, %f, %g, and %o of what is reduced."""
        out, name = out or self.empty(like, element), self.name_it()
        loops = self.dims if reduces or like == "all" else self.dims[:-1]
        maps = ", ".join(self.map(l, loops) for _, l, *_ in [*inputs, (out, like)])
        kinds = ", ".join(['"parallel"'] * (len(loops) - reduces) + ['"reduction"'] * reduces)
        elements = [rest[0] if rest else self.case.real for _, _, *rest in inputs]
        args = [f"%{n}: {t}" for n, t in zip("efg", elements)] + [f"%o: {element or self.case.real}"]
        self.lines.append(f"""{name} = linalg.generic {{indexing_maps = [{maps}], iterator_types = [{kinds}]}}
      ins({', '.join(n for n, *_ in inputs)} : {', '.join(self.type(l, t) for (_, l, *_), t in zip(inputs, elements))})
      outs({out} : {self.type(like, element)}) {{
  ^bb0({', '.join(args)}):
    {body}
    linalg.yield %r : {element or self.case.real}
  }} -> {self.type(like, element)}""")
        return name

    def reduce(self, value, op, start):
        first = self.name_it()
        self.lines.append(f"{first} = linalg.fill ins({start} : {self.case.real}) outs({self.empty('rows')} : {self.type('rows')}) -> {self.type('rows')}")
        return self.generic([(value, "all")], f"%r = {op} : {self.case.real}", "rows", first, reduces=True)

    def text(self):
        case, f = self.case, self.case.real
        value = "%x"
        if case.dtype != f:
            value = self.generic([("%x", "all", case.dtype)], f"%r = arith.extf %e : {case.dtype} to {f}")
        result, like = getattr(self, case.kind)(value, f)
        if case.dtype != f:
            result = self.generic([(result, like)], f"%r = arith.truncf %e : {f} to {case.dtype}", like, element=case.dtype)
        sizes = [f"%c{i} = arith.constant {i} : index\n  %d{i} = tensor.dim %x, %c{i} : {self.type('all', case.dtype)}"
                 for i in range(self.rank)] if case.dynamic else []
        gain = f", %gain: {self.type('last')}" if case.kind.endswith("norm") else ""
        return f"""func.func @f(%x: {self.type('all', case.dtype)}{gain}) -> {self.type(like, case.dtype)} {{
  %zero = arith.constant 0.0 : {f}
  %least = arith.constant {'0xFFF0000000000000' if f == 'f64' else '0xFF800000'} : {f}
  %length = arith.constant {case.shape[-1]:.1f} : {f}
  %small = arith.constant 1.0e-5 : {f}
  {(chr(10) + '  ').join([*sizes, *self.lines])}
  return {result} : {self.type(like, case.dtype)}
}}"""

    def rms_norm(self, x, f):
        square = self.generic([(x, "all")], f"%r = arith.mulf %e, %e : {f}")
        total = self.reduce(square, ADD, "%zero")
        factor = self.generic([(total, "rows")], f"""%m = arith.divf %e, %length : {f}
    %n = arith.addf %m, %small : {f}
    %r = math.rsqrt %n : {f}""", "rows")
        return self.generic([(x, "all"), (factor, "rows"), ("%gain", "last")], f"""%m = arith.mulf %e, %f : {f}
    %r = arith.mulf %m, %g : {f}"""), "all"

    def layer_norm(self, x, f):
        total = self.reduce(x, ADD, "%zero")
        return self.rms_norm(self.generic([(x, "all"), (total, "rows")], f"""%m = arith.divf %f, %length : {f}
    %r = arith.subf %e, %m : {f}"""), f)

    def exponentials(self, x, f):
        top = self.reduce(x, MAX, "%least")
        power = self.generic([(x, "all"), (top, "rows")], f"""%m = arith.subf %e, %f : {f}
    %r = math.exp %m : {f}""")
        return top, power, self.reduce(power, ADD, "%zero")

    def softmax(self, x, f):
        _, power, total = self.exponentials(x, f)
        return self.generic([(power, "all"), (total, "rows")], f"%r = arith.divf %e, %f : {f}"), "all"

    def log_sum_exp(self, x, f):
        top, _, total = self.exponentials(x, f)
        return self.generic([(total, "rows"), (top, "rows")], f"""%m = math.log %e : {f}
    %r = arith.addf %m, %f : {f}""", "rows"), "rows"
