"""Runs recurrences as GPU kernels on the emulator.

    results, report = emulate(text, inputs, outputs, sizes)

`outputs` are pairs of shape and dtype, `sizes` those of the dynamic loop
dimensions; `report` is what ssm-emulate counted, and the launch as "launch";
`edit` changes the text of the kernel's LLVM IR before it runs.
"""

import hashlib
import json
import os
import re
import tempfile
from pathlib import Path

import ml_dtypes
import numpy as np
from gpu_driver import count_blocks, count_workspace, sequence
from harness import DTYPES, tool
from mlir_text import Recurrence, element, program

# Rates of a multiprocessor of an H100 or H200 in a cycle: lanes of the pipes (NVIDIA, H100 white paper), its share of a copy of
# 4.3 TB/s at 1.755 GHz.
BYTES = 4.3e12 / 132 / 1.755e9
RATES = {"float": 128, "float64": 64, "special": 16, "integer": 64, "shuffle": 32}

RECORDS = Path(os.environ["SSM_RECORD_KERNELS"]) if "SSM_RECORD_KERNELS" in os.environ else None

# The line of a barrier in a kernel's LLVM IR.
BARRIER = re.compile(r"\n *(tail )?call void @llvm.nvvm.barrier[^\n]*")


def count_cycles(report):
    """Of a multiprocessor, on each pipe but the tensor cores'."""
    cycles = {name: report["instructions"][name] / rate for name, rate in RATES.items()}
    return cycles | {"shared": report["shared"]["wavefronts"], "memory": 32 * report["global"]["sectors"] / BYTES}


def without_the_barrier(kernel):
    """For run_case's edit: a kernel that has one barrier, without it."""
    text, count = BARRIER.subn("", kernel)
    assert count == 1
    return text


def emulate(*args, seed=0, **options):
    return next(emulate_seeds(*args, seeds=[seed], **options))


def emulate_seeds(text, inputs, outputs, sizes=(), chip="sm_90", seeds=(0,), edit=None, resident=8, entry="f"):
    """One after the other, compiled once."""
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        (folder / "f.mlir").write_text(text)
        tool("ssm-compile", folder / "f.mlir", f"--target=nvidia:{chip}", "--emit=llvm", f"--entry={entry}",
             "-o", folder / "f.ll")
        if edit:
            (folder / "f.ll").write_text(edit((folder / "f.ll").read_text()))
        launch, = json.loads((folder / "f.json").read_text())["kernels"]
        first, *then = [k for k in sequence(launch) if count_blocks(k, sizes)]
        args = [folder / "f.ll", f"--entry={first['entry']}", f"--block={first['block']}",
                f"--grid={count_blocks(first, sizes)}", f"--resident={resident}"]
        if shared := max(k["shared_bytes"] for k in (first, *then)):
            args.append(f"--shared={shared}")
        args += [f"--then={k['entry']}:{count_blocks(k, sizes)}:{k['block']}" for k in then]
        for i, array in enumerate(inputs):
            np.save(folder / f"in{i}.npy", array)
            args.append(f"--arg={folder}/in{i}.npy")
        for shape, dtype in outputs:
            args.append(f"--arg=new:{np.dtype(dtype).name}:{'x'.join(map(str, shape or [1]))}")
        args += [f"--arg=i64:{size}" for size in sizes]
        if workspace := count_workspace(launch, sizes):
            args.append(f"--arg={'zero' if launch['workspace_zero'] else 'new'}:int64:{workspace // 8}")
        paths = [folder / f"out{i}.npy" for i in range(len(outputs))]
        args += [f"--output={len(inputs) + i}={path}" for i, path in enumerate(paths)]
        for seed in seeds:
            report = json.loads(tool("ssm-emulate", *args, f"--seed={seed}").stdout) | {"launch": launch}
            results = [np.load(path).reshape(shape) for path, (shape, _) in zip(paths, outputs)]
            results = [x.view(ml_dtypes.bfloat16) if x.dtype.kind == "V" else x for x in results]
            if RECORDS and not edit and chip in ("sm_90", "sm_90a") and seed == seeds[0]:
                record(folder / "f.mlir", entry, chip, launch, inputs, results)
            yield results, report


def record(source, entry, chip, launch, inputs, results):
    """For bench/gpu/replay.py, in $SSM_RECORD_KERNELS: a kernel's PTX and JSON, its inputs and what the emulator makes of them."""
    bits = lambda x: x.view(np.uint16) if x.dtype == ml_dtypes.bfloat16 else x
    arrays = {f"in{i}": bits(np.asarray(x)) for i, x in enumerate(inputs)} | {f"out{i}": bits(x) for i, x in enumerate(results)}
    name = hashlib.sha256(source.read_bytes() + chip.encode() + b"".join(x.tobytes() for x in arrays.values())).hexdigest()[:16]
    RECORDS.mkdir(parents=True, exist_ok=True)
    tool("ssm-compile", source, f"--target=nvidia:{chip}", "--emit=ptx", f"--entry={entry}", "-o", RECORDS / f"{name}.ptx")
    label = os.environ.get("PYTEST_CURRENT_TEST", "").removesuffix(" (call)")
    np.savez_compressed(RECORDS / f"{name}.npz", label=f"{label}: {launch['kernel']}", **arrays)


def run_case(case, seed=0, **options):
    """Results of a mlir_text.Recurrence, and the report."""
    return next(run_seeds(case, [seed], **options))


def run_seeds(case, seeds, **options):
    sizes = [case.sizes[letter] for letter in case.dims if letter in case.dynamic]
    return emulate_seeds(program([case]), list(case.inputs.values()), output_specs(case), sizes, seeds=seeds, **options)


def output_specs(case):
    """Shape and dtype of y and of the final state."""
    types = case.types()[1]
    complex_of = ["complex" in t for t in types]
    wide = "f32" if case.dtype in ("f16", "bf16") else case.dtype
    return [(case.shape(letters), DTYPES[element(dtype, is_complex)])
            for letters, dtype, is_complex in zip((case.y, case.final), (case.dtype, wide), complex_of)]


class Exact(Recurrence):
    """Of modulus 1, and of integers: every place is right to the last bit, and what is carried reaches the end."""

    def operands(self):
        rng = np.random.default_rng(7)
        roots = {True: [1, -1, 1j, -1j], False: [1, -1]}
        def draw(k, like):
            if k == "a":
                return rng.choice(roots["a" in self.complex], like.shape).astype(like.dtype)
            x = rng.integers(-3, 4, (2, *like.shape))
            return (x[0] + 1j * x[1] if k in self.complex else x[0]).astype(like.dtype)
        return {k: draw(k, like) for k, like in super().operands().items()}

    def is_exact(self, results):
        return all(np.array_equal(got, want) for got, want in zip(results, self.oracle, strict=True))
