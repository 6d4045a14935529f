"""Runs a function step by step: what --ssm-derive-step makes of it, compiled.

    model = Stepper(text, "s4d", chunk=0)
    whole = model.whole(arguments)                     the function itself
    parts = model.stream(arguments, [7, 1, 64])        its results, from chunks of these sizes
"""

import ctypes
import json
import re
import tempfile
from pathlib import Path

import numpy as np
from harness import tool
from zoo import tensors


class Stepper:
    def __init__(self, text, name, chunk=0, strategy="sequential"):
        self.name = name
        with tempfile.TemporaryDirectory() as folder:
            source, derived, library = (Path(folder) / n for n in ("model.mlir", "derived.mlir", "model.so"))
            source.write_text(text)
            tool("ssm-opt", source, "--inline", "--symbol-dce", f"--ssm-derive-step=entry={name} chunk={chunk}",
                 "-o", derived)
            self.derived = derived.read_text()
            tool("ssm-compile", derived, "--emit=shared", "-o", library,
                 *([f"--strategy={strategy}"] if strategy else []))
            self.library = ctypes.CDLL(str(library))
        self.arguments, self.results = self.numbers(f"{name}_step")

    def numbers(self, function):
        """For each argument and result ("argument" | "result" | "state", number); a state comes first."""
        line = re.search(rf"func\.func @{function}\((.*)\) -> (.*) \{{$", self.derived, re.M)
        parts = []
        for text in line.groups():
            found = []
            for attributes in re.findall(r"\{([^{}]*ssm\.[^{}]*)\}", text):
                pairs = dict(re.findall(r"ssm\.(\w+) = (\d+)", attributes))
                kind = "state" if "state" in pairs else next(iter(pairs))
                found.append((kind, int(pairs[kind]), int(pairs["result"]) if "result" in pairs else None))
            parts.append(found)
        return parts

    def signature(self, function):
        get = self.library[f"{function}_signature"]
        get.restype = ctypes.c_char_p
        return json.loads(get())

    def call(self, function, inputs):
        signature = self.signature(function)
        sizes = {}
        arrays = []
        for x, spec in zip(inputs, signature["inputs"], strict=True):
            shape = [x.shape[i] if isinstance(n, str) else n for i, n in enumerate(spec["shape"])]
            sizes |= {n: x.shape[i] for i, n in enumerate(spec["shape"]) if isinstance(n, str)}
            arrays.append(np.array(x, np.dtype(spec["dtype"]), order="C").reshape(shape))
        outputs = [np.empty([sizes.get(n, n) for n in spec["shape"]], np.dtype(spec["dtype"]))
                   for spec in signature["outputs"]]
        get = self.library[f"{function}_workspace_bytes"]
        get.restype = ctypes.c_size_t
        scratch = np.zeros(get() + 64, np.uint8)
        aligned = ctypes.c_void_p(scratch.ctypes.data + -scratch.ctypes.data % 64)
        status = self.library[f"{function}_run"](tensors(arrays), tensors(outputs), aligned, None)
        assert status == 0, f"{function}: status {status}"
        return outputs

    def whole(self, arguments):
        return self.call(self.name, arguments)

    def sequences(self):
        """The arguments of the function that vary in time, along dimension 1."""
        line = re.search(rf"func\.func @{self.name}_start\((.*)\) -> ", self.derived)[1]
        return {int(i) for i in re.findall(r"ssm\.argument = (\d+) : i64, ssm\.time = 1", line)}

    def start(self, arguments, size=1):
        signals = self.sequences()
        return self.call(f"{self.name}_start", [x[:, :size] if i in signals else x for i, x in enumerate(arguments)])

    def step(self, arguments, states, begin, end):
        """(results by number, states) of the steps from begin to end."""
        signals = self.sequences()
        inputs = []
        for kind, i, _ in self.arguments:
            x = states[i] if kind == "state" else arguments[i]
            inputs.append(x[:, begin:end] if kind == "argument" and i in signals else x)
        outputs = self.call(f"{self.name}_step", inputs)
        results, states = {}, {}
        for (kind, i, result), x in zip(self.results, outputs, strict=True):
            if kind == "state":
                states[i] = x
            if result is not None:
                results[result] = x
        return results, [states[i] for i in range(len(states))]

    def stream(self, arguments, sizes):
        states = self.start(arguments, sizes[0])
        outputs, begin = [], 0
        for size in sizes:
            results, states = self.step(arguments, states, begin, begin + size)
            outputs.append(results)
            begin += size
        signals = [i for i in outputs[0] if outputs[0][i].ndim > 1 and outputs[0][i].shape[1] == sizes[0]
                   and i not in [r for k, _, r in self.results if k == "state"]]
        return [np.concatenate([o[i] for o in outputs], axis=1) if i in signals else outputs[-1][i]
                for i in sorted(outputs[0])]
