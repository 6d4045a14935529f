"""x_t = a_t * x_{t-1} + b_t over [batch, time, channel], all states kept."""

import json
import statistics
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from machine import triad_times

SHAPES = [(1, 4096, 1024), (8, 1024, 256), (1, 262144, 4)]
STRATEGIES = ["auto", "sequential", "tree_scan"]

MODEL = """
#btd = affine_map<(b, t, d) -> (b, t, d)>
#bd = affine_map<(b, t, d) -> (b, d)>
func.func @recurrence(%a: tensor<{0}x{1}x{2}xf32>, %x: tensor<{0}x{1}x{2}xf32>)
    -> (tensor<{0}x{1}x{2}xf32>, tensor<{0}x{2}xf32>) {{
  %states, %final = ssm.linear_recurrence
      transition(%a : tensor<{0}x{1}x{2}xf32>) signal(%x : tensor<{0}x{1}x{2}xf32>)
      {{indexing_maps = [#btd, #btd, #btd, #bd], time = 1 : i64}}
      -> tensor<{0}x{1}x{2}xf32>, tensor<{0}x{2}xf32>
  return %states, %final : tensor<{0}x{1}x{2}xf32>, tensor<{0}x{2}xf32>
}}
"""


def loop(a, x, states):
    """The recurrence with one NumPy call for each step."""
    state = np.zeros_like(x[:, 0])
    for t in range(x.shape[1]):
        np.multiply(state, a[:, t], out=state)
        state += x[:, t]
        states[:, t] = state


def time_ssm(report, task, a, x, strategy):
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        (folder / "model.mlir").write_text(MODEL.format(*x.shape))
        np.save(folder / "a.npy", a)
        np.save(folder / "x.npy", x)
        command = [report.tools / "ssm-run", folder / "model.mlir", "--entry=recurrence",
                   "--input", folder / "a.npy", "--input", folder / "x.npy",
                   f"--threads={task['threads']}", "--time=20"]
        if strategy != "auto":
            command.append(f"--strategy={strategy}")
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            report.add(task, "ssm", error=done.stderr.strip().splitlines()[0], strategy=strategy)
        else:
            times = json.loads(done.stdout.splitlines()[-1])
            report.add(task, "ssm", times["min_s"], times["median_s"], strategy=strategy)


def run(report):
    random = np.random.default_rng(0)
    for shape in SHAPES:
        task = dict(task="recurrence", shape=list(shape), layout="btd", dtype="float32", threads=1)
        a = random.uniform(0.9, 0.999, shape).astype(np.float32)
        x = random.standard_normal(shape).astype(np.float32)
        states = np.empty_like(x)
        for strategy in STRATEGIES:
            time_ssm(report, task, a, x, strategy)
        report.measure(task, "numpy", lambda: loop(a, x, states), repeats=3,
                       note="one call for each step")
        # Two arrays are read and one is written, as in the recurrence.
        times = triad_times(report, x.size)
        report.add(task, "limit", min(times), statistics.median(times),
                   note="memory traffic: c = a * b over arrays of the same size")
