"""Steps of compiled functions: one time step, or a chunk of them, with explicit states."""

import hashlib
import io
import json
import os
import re
import zipfile

import numpy as np

from . import _version
from ._arrays import as_array, check_integer, describe
from ._compile import Compiled, compile_text, core, encode, write


class Step:
    """The step of a function: `y_t, state = step(u_t, state)`; see `derive_step`.

    Attributes:
        signals: the number of arguments of f that vary in time; a call takes as many.
        states: shape and dtype of each array of a state, as dicts. A size that is a string is bound by `init`.
    """

    def __init__(self, f, arguments):
        self._options, self._text = f._options, f.text
        self._kernels = {}
        text, self._ports = self._derive(0)
        start = self._compile(text, "_start")
        inputs, self._inputs = self._ports["start"]["inputs"], self._ports["step"]["inputs"]
        # By number in f: the specification, and which dimension is time.
        self._specs = {port["ssm.argument"]: spec for port, spec in zip(inputs, start.signature["inputs"])}
        self._time = {port["ssm.argument"]: port["ssm.time"] for port in inputs if "ssm.time" in port}
        parameters = {port["ssm.argument"] for port in self._inputs if "ssm.argument" in port} - self._time.keys()
        self._start = start
        self._arguments = bind(f, arguments, self._time, parameters)
        self.signals = len(self._time)
        self.states = [{"dtype": spec["dtype"], "shape": spec["shape"]} for spec in start.signature["outputs"]]
        identity = [_version.version, self._options["entry"], self._text]
        self._digest = hashlib.sha256(json.dumps(identity).encode()).hexdigest()

    def _derive(self, chunk):
        """The program with the functions that make steps of `chunk` (0: any number of them), and their ports."""
        options = self._options
        text, ports = core().derive_step(encode(self._text), options["name"], options["entry"], chunk)
        return text, json.loads(ports)

    def _compile(self, text, suffix):
        options = self._options
        # A step is too short for a convolution.
        strategy = "auto" if options["strategy"].endswith("conv") else options["strategy"]
        return compile_text(text, options["name"], entry=options["entry"] + suffix, target=options["target"],
                            strategy=strategy, threads=options["threads"])

    def _kernel(self, chunk):
        """The step for one time step (1), or for any number of them (0); compiled when it is first needed."""
        if chunk not in self._kernels:
            self._kernels[chunk] = self._compile(self._derive(chunk)[0], "_step")
        return self._kernels[chunk]

    def init(self, batch=()):
        """The state before the first step: zeros, or what the initial states given to `derive_step` make of it.

        Args:
            batch: the sizes of a signal's dimensions that are neither static nor time, in their order: an integer if
                there is one. Initial states that were not given are zeros with the same sizes.
        """
        sizes = tuple(check_integer(n, "batch") for n in (batch if isinstance(batch, (tuple, list)) else (batch,)))
        if any(n < 0 for n in sizes):
            raise ValueError(f"batch: expected sizes of at least 0, but they are {list(sizes)}")
        inputs = [self._zeros(i, spec, sizes) if self._arguments[i] is None else self._arguments[i]
                  for i, spec in self._specs.items()]
        state = self._start(*inputs)
        return state if isinstance(state, tuple) else (state,)

    def _zeros(self, number, spec, sizes):
        """An argument of f of which only the sizes count: a signal of one step, or an initial state."""
        shape, time = list(spec["shape"]), self._time.get(number)
        if time is not None:
            shape[time] = 1
        free = [i for i, size in enumerate(shape) if isinstance(size, str)]
        if len(free) != len(sizes):
            raise ValueError(f"batch: expected {len(free)} sizes, for the dynamic dimensions "
                             f"{free} of argument {number}, but there are {len(sizes)}")
        for i, size in zip(free, sizes):
            shape[i] = size
        return np.zeros(shape, dtype_of(spec["dtype"]))

    def __call__(self, *arguments):
        if len(arguments) != self.signals + 1:
            raise TypeError(f"expected {self.signals} signals and the state, but there are {len(arguments)} arguments")
        *signals, state = arguments
        state = self._check_state(state)
        blocks, single = self._blocks([as_array(x, f"signal {i}") for i, x in enumerate(signals)])
        inputs = [state[port["ssm.state"]] if "ssm.state" in port else
                  blocks.get(port["ssm.argument"], self._arguments[port["ssm.argument"]]) for port in self._inputs]
        try:
            results = self._kernel(1 if single else 0)(*inputs)
        except (TypeError, ValueError) as error:
            raise type(error)(re.sub(r"input 'a(\d+)'", lambda m: self._name(int(m[1])), str(error))) from None
        results = results if isinstance(results, tuple) else (results,)
        outputs, after = {}, [None] * len(self.states)
        for port, result in zip(self._ports["step"]["outputs"], results):
            if "ssm.state" in port:
                after[port["ssm.state"]] = result
            else:
                outputs[port["ssm.result"]] = (result[(slice(None),) * port["ssm.time"] + (0,)]
                                               if single and "ssm.time" in port else result)
        outputs = tuple(outputs[i] for i in sorted(outputs))
        return (outputs[0] if len(outputs) == 1 else outputs), tuple(after)

    def _name(self, number):
        """What an input of the step's kernel is to callers of the step."""
        port = self._inputs[number]
        if "ssm.state" in port:
            return f"state: array {port['ssm.state']}"
        argument = port["ssm.argument"]
        return f"signal {sorted(self._time).index(argument)}" if argument in self._time else f"argument {argument}"

    def _blocks(self, signals):
        """The signals with time, by their numbers in f, and whether they came as one step, without it."""
        ranks = [len(self._specs[number]["shape"]) for number in sorted(self._time)]
        kinds = {rank - x.ndim for x, rank in zip(signals, ranks)}
        if not kinds <= {0} and not kinds <= {1}:
            raise ValueError(f"signals: expected arrays of rank {ranks}, or each one less for a single step, but they "
                             f"are {', '.join(map(describe, signals))}")
        single = kinds == {1}
        return {number: np.expand_dims(x, self._time[number]) if single else x
                for number, x in zip(sorted(self._time), signals)}, single

    def _check_state(self, state):
        if not isinstance(state, (tuple, list)):
            raise TypeError(f"state: expected what init or the last step returned, but it is {type(state).__name__}")
        state = [as_array(x, "state") for x in state]
        if len(state) != len(self.states):
            raise ValueError(f"state: expected {len(self.states)} arrays, but there are {len(state)}")
        for i, (x, spec) in enumerate(zip(state, self.states)):
            fits = len(x.shape) == len(spec["shape"]) and all(
                isinstance(n, str) or n == size for n, size in zip(spec["shape"], x.shape))
            if not fits or x.dtype.name != spec["dtype"]:
                shape = ", ".join(map(str, spec["shape"]))
                raise ValueError(f"state: array {i} must be {spec['dtype']}[{shape}], but it is {describe(x)}")
        return state

    def save(self, path, state):
        """Writes a state to a file (.npz: the arrays, and what says which step they belong to), whole or not at all."""
        arrays = {f"state{i}": np.ascontiguousarray(x) for i, x in enumerate(self._check_state(state))}
        buffer = io.BytesIO()
        np.savez(buffer, step=np.array(self._digest), **arrays)
        write(os.fspath(path), buffer.getvalue())

    def load(self, path):
        """The state in a file that `save` wrote.

        Raises:
            ValueError: the file is damaged, or of another program or version of this package.
            OSError: the file cannot be read.
        """
        try:
            with np.load(path, allow_pickle=False) as file:
                arrays = dict(file)
            digest = str(arrays.pop("step"))
        except (ValueError, KeyError, EOFError, TypeError, AttributeError, zipfile.BadZipFile) as error:
            raise ValueError(f"{os.fspath(path)}: not a state that a step saved: {error}") from None
        if digest != self._digest:
            raise ValueError(f"{os.fspath(path)}: the state is of another program or another version of mlir_ssm; "
                             "start again with init, or load it with the step that saved it")
        try:
            state = [arrays[f"state{i}"] for i in range(len(self.states))]
        except KeyError as error:
            raise ValueError(f"{os.fspath(path)}: the state lacks {error}") from None
        # bfloat16 is stored as two bytes without a name.
        return tuple(self._check_state([x.view(dtype_of(spec["dtype"])) if x.dtype.kind == "V" else x
                                        for x, spec in zip(state, self.states)]))

    def __repr__(self):
        states = ", ".join(f"{s['dtype']}[{', '.join(map(str, s['shape']))}]" for s in self.states)
        return f"<step of {self._options['entry']}, {self.signals} signals, state ({states})>"


def dtype_of(name):
    if name == "bfloat16":
        import ml_dtypes
        return np.dtype(ml_dtypes.bfloat16)
    return np.dtype(name)


def bind(f, arguments, signals, parameters):
    """The arguments of f that do not vary in time, by number; None for signals and initial states not given."""
    count = len(f.signature["inputs"])
    if not arguments:
        arguments = (None,) * count
    if len(arguments) != count:
        raise TypeError(f"arguments: expected {count}, one for each argument of f (None for a signal), but there are "
                        f"{len(arguments)}")
    for i, x in enumerate(arguments):
        if i in signals and x is not None:
            raise ValueError(f"arguments: argument {i} of f varies in time, so a step takes it; give None")
        if i in parameters and x is None:
            raise ValueError(f"arguments: argument {i} of f does not vary in time; give its value: "
                             "derive_step(f, *arguments), with None for each signal")
    return {i: None if x is None else as_array(x, f"argument {i}") for i, x in enumerate(arguments)}


def derive_step(f, *arguments):
    """The step of a compiled function that is causal in time, for generation and for signals that arrive in parts.

        step = ssm.derive_step(f, a, b, c, None)     # f(a, b, c, u): u varies in time
        state = step.init(batch)
        y_t, state = step(u_t, state)                # y is that of f(a, b, c, u), step after step

    Args:
        f: what `compile` returned.
        *arguments: one for each argument of f: its value if it does not vary in time, and None if it does. An initial
            state may be None, for zeros. Without any, all of them are None.

    Returns:
        A Step. `step(*signals, state)` takes the signals' next time step, without the dimension of time, or a chunk of
        any number of steps, with it: the prompt of a generation, say. It returns the results of f that are not states,
        an array or a tuple of them, with time if the signals have it, and the next state. A state is a tuple of arrays
        that no call changes: to go back, keep it. `step.save(path, state)` and `step.load(path)` keep it in a file.

    Raises:
        TypeError: f is not a compiled function, or the number of arguments is wrong.
        ValueError: f is not causal in time (the text names the op), or a parameter is missing.
    """
    if not isinstance(f, Compiled):
        raise TypeError(f"f: expected what compile returned, but it is {type(f).__name__}")
    return Step(f, arguments)
