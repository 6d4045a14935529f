"""Programs of many independent ops, and running them against the oracles.

Starting a tool and compiling cost more than a small op, so cases are computed
in batches: one function, one process for each strategy. A case knows

    operands()   {name: float or complex array in the op's precision}
    body(i, strategy)
                 its MLIR lines; results are named by results(i)
    types()      (operand types, result types)
    expected()   the oracle's results
"""

import functools
import re
from dataclasses import dataclass, field

import numpy as np
from harness import DTYPES, ToolError, run
from reference import ops

# Bound on |result - oracle| / |oracle|, L2 over the whole array.
BARS = {"f32": {"fft_conv": 1e-6, "": 4e-7}, "f64": {"fft_conv": 1e-14, "": 1e-14}}


def bar(dtype, strategy):
    return BARS[dtype].get(strategy, BARS[dtype][""])


def tensor(shape, element):
    return f"tensor<{''.join(f'{size}x' for size in shape)}{element}>"


def affine(dims, letters):
    """affine_map<(t, d) -> (d)> from the strings "td" and "d"."""
    return f"affine_map<({', '.join(dims)}) -> ({', '.join(letters)})>"


def element(dtype, is_complex):
    return f"complex<{dtype}>" if is_complex else dtype


def normal(rng, shape, dtype, is_complex):
    """Standard normal numbers, rounded to the op's precision."""
    x = rng.standard_normal(shape)
    if is_complex:
        x = (x + 1j * rng.standard_normal(shape)) / np.sqrt(2)
    return np.asarray(x).astype(DTYPES[element(dtype, is_complex)])


def decaying(rng, shape, dtype, is_complex):
    """Transitions with |a| spread evenly over (0.9, 0.999).

    Where every |a| is 0.999, a loop of exact fused multiply-adds in f32 is off
    by 5.4e-7 itself, so no bar below that can be asked for there.
    """
    n = int(np.prod(shape))
    a = 0.9 + 0.099 * (rng.permutation(n).reshape(shape) + 0.5) / max(n, 1)
    if is_complex:
        a = a * np.exp(1j * rng.uniform(-np.pi, np.pi, shape))
    else:
        a = a * rng.choice([1, -1], shape, p=[0.8, 0.2])
    return np.asarray(a).astype(DTYPES[element(dtype, is_complex)])


def extended(x):
    """f64 data for an oracle that is then more exact than the op."""
    wide = {"float64": np.longdouble, "complex128": np.clongdouble}
    return x.astype(wide.get(x.dtype.name, x.dtype))


def pinned(strategy):
    return [f"strategy = #ssm.strategy<{strategy}>"] if strategy else []


class Case:
    """What the cases of all ops share."""

    strategy = ""  # the text of a #ssm.strategy of the case's own

    @functools.cached_property
    def inputs(self):
        return self.operands()

    @functools.cached_property
    def oracle(self):
        return self.expected()

    def scales(self):
        """What the error of each result is relative to: its own norm."""
        return [norm(want) for want in self.oracle]

    def errors(self, results, dtype, strategy):
        """One line for each result that misses its bar."""
        lines = []
        for i, (got, want, scale) in enumerate(zip(results, self.oracle, self.scales(), strict=True)):
            if got.shape != np.shape(want):
                lines.append(f"{self.name}: result {i} has shape {got.shape}, expected {np.shape(want)}")
            elif not (error := norm(got ^ want if got.dtype == bool else got - want) / (scale or 1)) <= bar(dtype, strategy):
                lines.append(f"{self.name}: result {i} is off by {error:.2e}, allowed {bar(dtype, strategy):.0e}")
        return lines


def norm(x):
    return float(np.linalg.norm(np.asarray(x).ravel().astype(complex)))


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


def program(cases, strategy=None):
    """The text of one function @f that computes all cases."""
    arguments, results, result_types, lines = [], [], [], []
    for i, case in enumerate(cases):
        operands, types = case.types()
        arguments += [f"%{name}{i}: {t}" for name, t in zip(case.inputs, operands, strict=True)]
        lines.append(case.body(i, strategy))
        results += case.results(i)
        result_types += types
    body = "\n  ".join(lines)
    return (f"func.func @f({', '.join(arguments)})\n    -> ({', '.join(result_types)}) {{\n  {body}\n"
            f"  return {', '.join(results)} : {', '.join(result_types)}\n}}\n")


def compute(cases, strategy=None, threads=1):
    """The results of each case, in one process. If that fails, says which."""
    inputs = [x for case in cases for x in case.inputs.values()]
    try:
        flat = run(program(cases, strategy), *inputs, threads=threads)
    except ToolError as error:
        if len(cases) == 1:
            raise
        culprits = []
        for case in cases:
            try:
                compute([case], strategy, threads)
            except ToolError as alone:
                culprits.append(f"{case.name}: {re.sub(chr(10) + '.*', '', alone.stderr)}")
        raise AssertionError("\n".join(culprits) or f"only together: {error}") from None
    out, at = [], 0
    for case in cases:
        count = len(case.types()[1])
        out.append(flat[at : at + count])
        at += count
    return out


def check(cases, dtype, strategy, batch=3):
    """Asserts that all cases are within their bar under the strategy.

    Compile time grows faster than the number of cases in one function.
    Code for f64 differs from that for f32 in types and vector widths only:
    every third case is enough there.
    """
    cases = cases[:: 3 if dtype == "f64" else 1]
    missed = []
    for start in range(0, len(cases), batch):
        part = cases[start : start + batch]
        for case, results in zip(part, compute(part, strategy), strict=True):
            missed += case.errors(results, dtype, strategy)
    assert not missed, f"{len(missed)} of {len(cases)} cases:\n" + "\n".join(missed)
