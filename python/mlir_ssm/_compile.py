"""From text to a function on arrays, and the caches of such functions."""

import json
import os
import tempfile
import threading
from collections import OrderedDict
from pathlib import Path

import numpy as np

from ._arrays import as_array, check_flag, check_integer

STRATEGIES = ("auto", "sequential", "tree_scan", "fft_conv", "direct_conv")
CACHE_VARIABLE = "MLIR_SSM_CACHE_DIR"
CPUS = len(os.sched_getaffinity(0))  # of the process: OpenMP may bind this thread to one of them later


def core():
    """The extension module, loaded when it is first needed."""
    from . import _core
    return _core


def host_target():
    """The name that LLVM gives this machine's CPU, e.g. "sapphirerapids"."""
    return core().host_target()


def check_threads(threads):
    if threads is None:
        return CPUS
    count = check_integer(threads, "threads")
    if not 1 <= count <= 4096:
        raise ValueError(f"threads: expected a number from 1 to 4096, but it is {count}")
    return count


class Compiled:
    """A compiled function: `f(*arrays)` returns its results, an array or a tuple of arrays.

    With compile(prepare=True) arguments marked ssm.parameter go to f.prepare instead: f(*others, *f.prepare(*parameters)).

    Attributes:
        explain: one line for each strategy decision: the winner, and each candidate's estimate or refusal.
        asm: the assembly of the machine code.
        signature: names, dtypes, shapes, strategies, target and version, as a dict. A size that is a string is bound
            by the arrays of a call.

    Arrays are read where they lie if they are contiguous and row-major, and copied otherwise; results are new arrays.
    The GIL is released while the function runs, and any number of threads may call it.
    """

    def __init__(self, text, options, code, explain, signatures, header):
        self.text = text
        self._options, self._code, self._header = options, code, header
        self.explain = explain
        self.signature = json.loads(signatures[-1])
        self._kernel = self._prepare = None
        if core().runs_on_host(options["target"]):
            *prepare, self._kernel = [core().Kernel(code, signature) for signature in signatures]
            self._prepare = prepare[0] if prepare else None
        self._names = [spec["name"] for spec in self.signature["inputs"]]

    def __call__(self, *arrays):
        self._check_target()
        names = self._names
        results = self._kernel(*[x if type(x) is np.ndarray else as_array(x, names[i] if i < len(names) else "input")
                                 for i, x in enumerate(arrays)])
        return results[0] if len(results) == 1 else results

    def prepare(self, *parameters):
        """What calls need of the arguments marked ssm.parameter, such as the spectrum of a kernel: a tuple of arrays.

        Raises:
            ValueError: the function was compiled without prepare=True, or an array does not fit.
        """
        self._check_target()
        if self._prepare is None:
            raise ValueError(f"{self.signature['name']}: nothing is prepared; compile it with prepare=True")
        return tuple(self._prepare(*[as_array(x, "parameter") for x in parameters]))

    def _check_target(self):
        if self._kernel is None:
            raise ValueError(f"target: this function is compiled for {self._options['target']}, but this machine is "
                             f"{host_target()} and lacks some of its instructions; save() it, or compile it with "
                             "target='host'")

    @property
    def asm(self):
        return core().compile(encode(self.text), kind="assembly", **self._options)[0].decode()

    def save(self, prefix):
        """Writes the object file `prefix`.o and the C header `prefix`.h that declares the kernel; see ssm-c/Runtime.h.

        Each is written to a temporary file beside it and renamed.
        """
        prefix = os.fspath(prefix)
        write(prefix + ".o", self._code)
        write(prefix + ".h", self._header.encode())

    def __repr__(self):
        def tensor(spec):
            return f"{spec['name']}: {spec['dtype']}[{', '.join(map(str, spec['shape']))}]"
        inputs, outputs = (", ".join(map(tensor, self.signature[k])) for k in ("inputs", "outputs"))
        return f"<{self.signature['name']}({inputs}) -> ({outputs}) for {self.signature['target']}>"


def write(path, data):
    """Writes a file whole or not at all."""
    folder = os.path.dirname(path) or "."
    handle, temporary = tempfile.mkstemp(dir=folder, prefix=os.path.basename(path) + ".")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def encode(text):
    """The bytes of a program, also of one that was read from a file that is not UTF-8."""
    return text.encode("utf-8", "surrogateescape")


def compile_text(text, name, entry="f", target="host", strategy="auto", threads=None, prepare=False):
    """A Compiled function of a program; from the cache on disk where that is enabled and has it."""
    options = {"name": name, "entry": entry, "target": target, "strategy": strategy, "threads": check_threads(threads),
               "prepare": check_flag(prepare, "prepare")}
    folder = os.environ.get(CACHE_VARIABLE, "")
    inputs = [encode(text), json.dumps(options, sort_keys=True).encode()]
    if parts := core().read_cached(folder, inputs):
        code, explain, header, *signatures = parts
        return Compiled(text, options, code, explain.decode(), list(map(bytes.decode, signatures)), header.decode())
    code, explain, signatures, header = core().compile(inputs[0], kind="object", **options)
    core().write_cached(folder, inputs, [code, *map(str.encode, [explain, header, *signatures])])
    return Compiled(text, options, code, explain, signatures, header)


class Plan:
    """A kernel and the shapes in which it takes its operands (None: as they come)."""

    __slots__ = ("kernel", "shapes", "explain")

    def __init__(self, program, strategy, shapes):
        name = f"<mlir_ssm.{program.name}>"
        compiled = compile_text(program.text(), name, program.entry, strategy=strategy)
        self.kernel, self.explain = compiled._kernel, compiled.explain
        self.shapes = shapes if any(shape is not None for shape in shapes) else None

    def __call__(self, arrays):
        if self.shapes:
            arrays = [x if shape is None else x.reshape(shape) for x, shape in zip(arrays, self.shapes)]
        return self.kernel(*arrays)


class Plans:
    """The most recent plans by key; each is made once, also if many threads ask for it at the same time."""

    def __init__(self, limit=512):
        self.limit = limit
        self.plans = OrderedDict()
        self.lock = threading.Lock()
        self.making = {}

    def get(self, key, make):
        try:
            plan = self.plans.get(key)
        except TypeError:  # what cannot be hashed is refused by make, or an integer in disguise
            return make()
        return plan if plan is not None else self.make(key, make)

    def make(self, key, make):
        with self.lock:
            gate = self.making.setdefault(key, threading.Lock())
        with gate:
            plan = self.plans.get(key)
            if plan is None:
                plan = make()
                with self.lock:
                    self.plans[key] = plan
                    while len(self.plans) > self.limit:
                        self.plans.popitem(last=False)
        with self.lock:
            self.making.pop(key, None)
        return plan


plans = Plans()


def compile(text_or_path, entry="f", target="host", strategy="auto", threads=None, prepare=False):
    """Compiles a program of MLIR text into a function on arrays.

    Args:
        text_or_path: the program, or the path of a file with it: an os.PathLike, or a str that ends in ".mlir".
        entry: the public function to compile.
        target: "host", or a CPU that LLVM knows ("x86-64-v3", "neoverse-v1"). If this machine lacks some of its
            instructions, the result is for save() only.
        strategy: "auto" chooses; "sequential", "tree_scan", "fft_conv" or "direct_conv" pins every op of the program.
        threads: the most threads of a call; None is one for each CPU of this process. Results do not depend on it.
            OMP_NUM_THREADS limits it further.
        prepare: True makes a kernel of its own of what depends on arguments marked ssm.parameter alone, such as the
            spectrum of a convolution's kernel: `p = f.prepare(k)` once, then `f(u, *p)` for each signal. These
            arguments must have static shapes.

    Returns:
        A Compiled function.

    Raises:
        ValueError: the program does not parse, verify or compile; the text is that of the diagnostics.
        OSError: the file cannot be read.
    """
    if isinstance(text_or_path, os.PathLike) or (isinstance(text_or_path, str) and text_or_path.endswith(".mlir")):
        name = os.fspath(text_or_path)
        text = Path(name).read_bytes().decode("utf-8", "surrogateescape")
    elif isinstance(text_or_path, str):
        name, text = "<string>", text_or_path
    else:
        raise TypeError(f"text_or_path: expected a str or a path, but it is {type(text_or_path).__name__}")
    for value, argument in ((entry, "entry"), (target, "target"), (strategy, "strategy")):
        if not isinstance(value, str):
            raise TypeError(f"{argument}: expected a str, but it is {type(value).__name__}")
    return compile_text(text, name, entry, target, strategy, threads, prepare)
