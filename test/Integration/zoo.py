"""The models of examples/models: compiling and calling them, and their oracles.

    model = MODELS["s4d"]
    code = compiled(model.file, "f32", "tree_scan")
    case = model.draw("f32", trained=True, length=200)
    results = code.call(model.name, case.arguments)      compare with case.expected

The arguments of a function carry the names of the oracle's parameters and
inputs (test/reference/models), and its states the names in `Model.init`.
"""

import ctypes
import functools
import importlib
import json
import re
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from harness import DTYPES, ROOT, split_types, tool
from reference.models import common, hippo

FOLDER = ROOT / "examples" / "models"
STRATEGIES = ["sequential", "tree_scan", "fft_conv", "direct_conv"]
NONLINEAR = ["loop", "newton"]  # the two ways of ssm.nonlinear_recurrence, which takes no strategy
TOLERANCES = {"f32": 1e-5, "f64": 1e-13}
CODES = {"bfloat16": 2, "float32": 3, "float64": 4, "complex64": 5, "complex128": 6, "int64": 11}  # ssm-c/Runtime.h


# Texts


def text_of(file, dtype="f32"):
    """A model's text for another element type: f64 in place of f32."""
    text = (FOLDER / f"{file}.mlir").read_text().replace("f32", dtype)
    # What the text widens to f64 is that already.
    return re.sub(r"arith\.(?:ext|trunc)f (%\w+) : f64 to f64", r"arith.bitcast \1 : f64 to f64", text)


def functions(text):
    """{name: ([(argument, type)], [result type])} of the public functions, aliases resolved."""
    aliases = dict(re.findall(r"^(!\w+) = (.*)$", text, re.M))

    def types(listed):
        return [aliases.get(t, t) for t in split_types(listed)]

    found = {}
    for name, arguments, results in re.findall(
            r"^func\.func @(\w+)\((.*?)\)\s*->\s*\(?(.*?)\)? \{$", text, re.M | re.S):
        pairs = [part.split(": ", 1) for part in split_types(arguments)]
        found[name] = ([(n.lstrip("%"), aliases.get(t, t)) for n, t in pairs], types(results))
    return found


def by_newton(text, dtype):
    """A nonlinear model's text with a tolerance, and the dimension along which its states couple."""
    return text.replace("time = 1 : i64}", f"time = 1 : i64, row = 2 : i64, tolerance = {TOLERANCES[dtype]:e} : f64}}")


def is_signal(mlir_type):
    """Whether both batch and time lead; a bf16 variant stores these in bf16."""
    return mlir_type.startswith("tensor<?x?x") and mlir_type.endswith("xf32>")


def stored_in_bf16(file):
    """A model's text with signals and outputs in bf16; parameters, states and arithmetic stay in f32."""
    text = text_of(file)
    wrappers = [in_bf16(name, *types) for name, types in functions(text).items()]
    return re.sub(r"^func\.func @(\w+)", r"func.func private @\1_f32", text, flags=re.M) + "".join(wrappers)


def in_bf16(name, arguments, results):
    """A function of that name that widens, calls @name_f32, and narrows."""
    narrow = {t: t.replace("f32", "bf16") if is_signal(t) else t for t in [*dict(arguments).values(), *results]}
    first, first_type = next((n, narrow[t]) for n, t in arguments if is_signal(t))
    lines = ["%c0 = arith.constant 0 : index", "%c1 = arith.constant 1 : index",
             f"%batch = tensor.dim %{first}, %c0 : {first_type}", f"%time = tensor.dim %{first}, %c1 : {first_type}"]

    def copy(value, old, new):
        lines.extend([
            f"%{value}_e = tensor.empty(%batch, %time) : {new}",
            f"%{value}_c = linalg.copy ins(%{value} : {old}) outs(%{value}_e : {new}) -> {new}"])
        return f"%{value}_c"

    inner = [copy(n, narrow[t], t) if is_signal(t) else f"%{n}" for n, t in arguments]
    made = [f"r{i}" for i in range(len(results))]
    lines.append(f"{', '.join(f'%{n}' for n in made)} = call @{name}_f32({', '.join(inner)}) "
                 f": ({', '.join(t for _, t in arguments)}) -> ({', '.join(results)})")
    outer = [copy(n, t, narrow[t]) if is_signal(t) else f"%{n}" for n, t in zip(made, results)]
    returned = ", ".join(narrow[t] for t in results)
    body = "\n  ".join([*lines, f"return {', '.join(outer)} : {returned}"])
    return (f"\nfunc.func @{name}({', '.join(f'%{n}: {narrow[t]}' for n, t in arguments)})\n"
            f"    -> ({returned}) {{\n  {body}\n}}\n")


# Calls


class Tensor(ctypes.Structure):
    _fields_ = [("data", ctypes.c_void_p), ("dtype", ctypes.c_int32), ("rank", ctypes.c_int32),
                ("shape", ctypes.POINTER(ctypes.c_int64)), ("strides", ctypes.POINTER(ctypes.c_int64))]


def tensors(arrays):
    return (Tensor * len(arrays))(*(
        Tensor(x.ctypes.data, CODES[x.dtype.name], x.ndim, (ctypes.c_int64 * x.ndim)(*x.shape), None)
        for x in arrays))


class Code:
    """A compiled file: all its functions."""

    def __init__(self, text, *options):
        self.functions = functions(text)
        with tempfile.TemporaryDirectory() as folder:
            source, library = Path(folder) / "model.mlir", Path(folder) / "model.so"
            source.write_text(text)
            done = tool("ssm-compile", source, "--emit=shared", "-o", library, "--explain", *options)
            self.library = ctypes.CDLL(str(library))
        self.explanation = done.stdout

    def bind(self, function, arguments):
        """A function without arguments that computes and returns the results."""
        get = functools.partial(getattr, self.library)
        get(f"{function}_signature").restype = ctypes.c_char_p
        get(f"{function}_workspace_bytes").restype = ctypes.c_size_t
        signature = json.loads(get(f"{function}_signature")())
        sizes, inputs = {}, []
        for (name, kind), spec in zip(self.functions[function][0], signature["inputs"], strict=True):
            x = np.asarray(arguments[name])
            # Batch and time lead; heads or channels may be split in groups.
            shape = [x.shape[i] if isinstance(n, str) else n for i, n in enumerate(spec["shape"])]
            inputs.append(np.array(x, element(kind), order="C").reshape(shape))
            sizes |= {n: x.shape[i] for i, n in enumerate(spec["shape"]) if isinstance(n, str)}
        outputs = [np.empty([sizes.get(n, n) for n in spec["shape"]], element(kind))
                   for kind, spec in zip(self.functions[function][1], signature["outputs"], strict=True)]
        scratch = np.zeros(get(f"{function}_workspace_bytes")() + 64, np.uint8)
        aligned = ctypes.c_void_p(scratch.ctypes.data + -scratch.ctypes.data % 64)
        ins, outs, run = tensors(inputs), tensors(outputs), get(f"{function}_run")

        def call(keep=(inputs, scratch)):
            if status := run(ins, outs, aligned, None):
                text = self.library.ssm_status_string
                text.restype = ctypes.c_char_p
                raise RuntimeError(f"{function}: {text(status).decode()}")
            return outputs
        call.outputs = outputs
        return call

    def call(self, function, arguments):
        return self.bind(function, arguments)()


def element(mlir_type):
    return DTYPES[re.fullmatch(r"tensor<(?:[\d?]+x)*(.*)>", mlir_type)[1]]


@functools.cache
def compiled(file, dtype, strategy=None):
    text = stored_in_bf16(file) if dtype == "bf16" else text_of(file, dtype)
    if strategy in NONLINEAR:
        return Code(by_newton(text, dtype) if strategy == "newton" else text)
    return Code(text, *([f"--strategy={strategy}"] if strategy else []))


@functools.cache
def legal(file):
    """The strategies that no op of the file refuses, as --explain has it."""
    if "ssm.nonlinear_recurrence" in text_of(file):
        return NONLINEAR
    lines = tool("ssm-compile", FOLDER / f"{file}.mlir", "-o", "/dev/null", "--explain").stdout.splitlines()
    return [s for s in STRATEGIES if all(re.search(rf"\b{s} [\d.]+ [mun]?s\b", line) for line in lines)]


# Oracles


def rounded(x, dtype):
    """Parameters and signals as the compiled code gets them, in float64."""
    if isinstance(x, dict):
        return {k: rounded(v, dtype) for k, v in x.items()}
    if isinstance(x, tuple):
        return tuple(rounded(v, dtype) for v in x)
    x = np.asarray(x)
    kind = f"complex<{dtype}>" if np.iscomplexobj(x) else dtype
    return x.astype(DTYPES[kind]).astype(complex if np.iscomplexobj(x) else float)


@dataclass
class Case:
    arguments: dict
    expected: list


@dataclass
class Model:
    """A function of examples/models and the oracle that it must equal.

    `params` and `inputs` are the sizes that the oracle's functions take. `init`
    draws the initial states by name, in the oracle's layout; `arrange` turns
    (params, inputs) into arguments, `final` the oracle's final state into the
    function's.
    """

    name: str
    file: str
    params: dict
    inputs: dict
    oracle: str = ""
    trained: dict = field(default_factory=dict)  # further sizes for trained_like
    init: object = None
    arrange: object = staticmethod(lambda p, x: p | x)
    arrange_init: object = staticmethod(lambda s: s)
    final: object = staticmethod(lambda s: [s])
    align: object = staticmethod(lambda results, expected: results)
    forward: str = "forward"
    bf16: bool = False  # diagonal: stored in bf16, within 2 units in the last place

    @functools.cached_property
    def module(self):
        return importlib.import_module(f"reference.models.{self.oracle or self.file}")

    def draw(self, dtype, trained, length=200, batch=2, seed=0):
        rng = np.random.default_rng([seed, trained, length, *self.name.encode()])
        wide = "f32" if dtype == "bf16" else dtype
        p = (self.module.trained_like(rng, **self.params, **self.trained) if trained
             else self.module.params(rng, **self.params))
        p = rounded(p, wide)
        x = rounded(self.module.inputs(rng, batch, length, **self.inputs), dtype)
        start = rounded(self.init(rng, batch), wide) if self.init else {}
        return Case(self.arrange(p, x) | self.arrange_init(start), self.outputs(p, x, start))

    def outputs(self, p, x, start):
        forward = getattr(self.module, self.forward)
        if not self.init:
            return [forward(p, x)[0]]
        init = tuple(start.values())
        y, final = forward(p, x, init if len(init) > 1 else init[0])
        return [y, *self.final(final)]

    def errors(self, results, case):
        results = self.align(results, case.expected)
        return [error(got, want) for got, want in zip(results, case.expected, strict=True)]


def error(got, want):
    """L2 of the difference relative to that of the oracle's result."""
    want = np.asarray(want).reshape(got.shape)
    return float(np.linalg.norm((got.astype(want.dtype) - want).ravel()) / max(np.linalg.norm(want.ravel()), 1e-300))


def real(**shapes):
    return lambda rng, batch: {k: rng.standard_normal((batch, *shape)) for k, shape in shapes.items()}


def cplx(**shapes):
    return lambda rng, batch: {k: common.complex_normal(rng, (batch, *shape)) for k, shape in shapes.items()}


def same_exponents(results, expected):
    """RWKV-4's sums e^o p and e^o q, with the oracle's o taken out."""
    y, o, p, q = results
    scale = np.exp(o.astype(float) - expected[1])
    return [y, o, p * scale, q * scale]


def flat(p):
    """BiGS's parameters: a dense layer is a matrix and a bias, an SSM a dict."""
    named = {}
    for name, value in p.items():
        if isinstance(value, tuple):
            named |= {name: value[0], f"{name}_bias": value[1]}
        else:
            named |= {f"{name}_{key}": v for key, v in value.items()}
    return named


def pairs(x):
    """Entries (2n, 2n+1) along the last axis as complex numbers."""
    return x[..., 0::2] + 1j * x[..., 1::2]


def turned_back(state):
    """Mamba-3's states (Theta, S, k~, v) without angles: Z, k, v."""
    angle, S, k, v = state.values() if isinstance(state, dict) else state
    turn = np.exp(-1j * angle)
    return dict(Z0=pairs(S) * turn[..., None, :], k0=pairs(k) * turn, v0=v)


HK = dict(heads=2, key=16)
HKV = dict(heads=2, key=16, value=16)
MATRIX = real(S0=(2, 16, 16))

MODELS = {m.name: m for m in [
    Model("s4d", "s4d", dict(channels=16, state=16), dict(channels=16), init=cplx(x0=(16, 8)), bf16=True),
    Model("s4d_real", "s4d", dict(channels=16, state=16, kind="real"), dict(channels=16), init=real(x0=(16, 8)), bf16=True),
    Model("dss", "dss", dict(channels=16, state=8), dict(channels=16), bf16=True),
    Model("s5", "s5", dict(channels=16, state=32), dict(channels=16), init=cplx(x0=(16,)), bf16=True),
    Model("s5_bidirectional", "s5", dict(channels=16, state=32, bidirectional=True), dict(channels=16),
          forward="forward_bidirectional", bf16=True,
          arrange=lambda p, x: p | x | dict(zip(("C_ahead", "C_back"), np.split(p["C"], 2, axis=1)))),
    Model("lru", "lru", dict(channels=16, state=32), dict(channels=16), init=cplx(x0=(32,)), bf16=True),
    Model("mega", "mega", dict(channels=16, ndim=8), dict(channels=16), init=real(h0=(16, 8)), bf16=True),
    Model("mega_bidirectional", "mega", dict(channels=16, ndim=8, bidirectional=True), dict(channels=16),
          forward="forward_bidirectional", bf16=True,
          arrange=lambda p, x: x | dict(omega=p["omega"]) | {
              f"{k}_{side}": half for k in ("delta", "alpha", "beta", "gamma")
              for side, half in zip(("ahead", "back"), np.split(p[k], 2))}),
    Model("retnet", "retnet", dict(heads=2), HKV, init=MATRIX, bf16=True),
    Model("gla", "gla", HK, HKV, init=MATRIX, bf16=True),
    Model("hgrn", "hgrn", dict(channels=32), dict(channels=32), init=real(h0=(32,)), bf16=True),
    Model("rwkv5", "rwkv5", HK, HKV, init=MATRIX, bf16=True),
    Model("rwkv6", "rwkv6", HK, HKV, init=MATRIX, bf16=True),
    Model("mamba1", "mamba1", dict(channels=16, state=8), dict(channels=16, state=8, groups=2),
          init=real(h0=(16, 8)), bf16=True),
    Model("mamba1_complex", "mamba1", dict(channels=16, state=8, field="complex"),
          dict(channels=16, state=8, groups=2, field="complex"), init=cplx(h0=(16, 8))),
    Model("mamba2", "mamba2", dict(heads=4), dict(heads=4, value=16, state=16, groups=2),
          init=real(S0=(4, 16, 16)), bf16=True),
    Model("mamba3", "mamba3", dict(heads=2), dict(heads=2, state=16, value=16),
          init=real(angle=(2, 8), S=(2, 16, 16), k=(2, 16), v=(2, 16)),
          arrange=lambda p, x: p | x | dict(q=pairs(x["q"]), k=pairs(x["k"])),
          arrange_init=turned_back, final=lambda state: list(turned_back(state).values()), bf16=True),
    Model("deltanet", "deltanet", dict(heads=2), HKV, init=MATRIX),
    Model("gated_deltanet", "gated_deltanet", dict(heads=2), HKV, init=MATRIX),
    Model("kda", "kda", HK, HKV, init=MATRIX),
    Model("rwkv7", "rwkv7", HK, HKV, init=MATRIX),
    Model("s4", "s4", dict(channels=4, state=32), dict(channels=4), trained=dict(rank=1), init=cplx(x0=(4, 16)),
          arrange=lambda p, x: p | x | {k: hippo.with_conjugates(p[k]) for k in ("Lam", "B", "C")}
          | {"P": hippo.with_conjugates(p["P"][0])},
          arrange_init=lambda s: {"x0": hippo.with_conjugates(s["x0"])},
          final=lambda x: [hippo.with_conjugates(x)]),
    Model("ltv_rnn", "ltv_rnn", dict(state=16, features=8, outputs=8), dict(features=8), init=real(x0=(16,))),
    Model("rwkv4", "rwkv4", dict(channels=32), dict(channels=32), init=real(o0=(32,), p0=(32,), q0=(32,)), final=list,
          align=same_exponents, bf16=True),
    Model("vanilla_rnn", "vanilla_rnn", dict(hidden=16, features=8, outputs=8), dict(features=8), init=real(x0=(16,))),
    Model("gru", "gru", dict(hidden=16, features=8), dict(features=8), init=real(h0=(16,))),
    Model("lstm", "lstm", dict(hidden=16, features=8), dict(features=8), init=real(state=(32,)),
          arrange_init=lambda s: dict(zip(("h0", "c0"), np.split(s["state"], 2, axis=1))),
          final=lambda state: np.split(state, 2, axis=1)),
    Model("bigs", "bigs", dict(width=16, inner=24, state=16), dict(width=16), arrange=lambda p, x: flat(p) | x),
    Model("hyena", "hyena", dict(channels=32, bands=8, hidden=32), dict(channels=32)),
]}

def schedule(p, x):
    """The matrices of the linear time-varying RNN."""
    return dict(zip("ABC", MODELS["ltv_rnn"].module.matrices(p, x))) | x


MODELS["ltv_rnn"].arrange = schedule



def ulps(got, want):
    """Largest difference in bf16's units in the last place at the oracle's value.

    Where a sum cancels, its terms set the unit: no smaller than that of 2^-10 of the root mean square.
    """
    want = np.asarray(want).reshape(got.shape)
    size = np.maximum(np.abs(want), np.sqrt(np.mean(want**2)) / 1024)
    return float(np.max(np.abs(got.astype(float) - want) / np.exp2(np.floor(np.log2(size)) - 7)))
