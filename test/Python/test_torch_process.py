"""mlir_ssm.torch in processes of their own: whose threads kernels run on, and how a process ends."""

import os
import subprocess
import sys

import pytest

pytest.importorskip("torch", reason="PyTorch is not installed")


def process(program, **variables):
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True,
                          env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **variables})


THREADS = """
import os, torch, mlir_ssm.torch as ssm
torch.set_num_threads(1)
a, x = torch.rand(4, 2048, 256), torch.rand(4, 2048, 256)
states, _ = ssm.linear_recurrence(a, x)
alone = len(os.listdir("/proc/self/task"))
torch.set_num_threads(2)
assert torch.equal(ssm.linear_recurrence(a, x)[0], states)
print(alone, len(os.listdir("/proc/self/task")) - alone)
"""


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one CPU")
def test_threads_are_those_of_pytorch():
    done = process(THREADS, OMP_NUM_THREADS="2")
    assert done.returncode == 0 and int(done.stdout.split()[1]) > 0, done.stderr


SHARED = """
import mlir_ssm
assert mlir_ssm.share_threads()
import torch, mlir_ssm.torch as ssm
torch.set_num_threads(1)
assert ssm.core().limit_threads(1) == 1  # of kernels
assert not mlir_ssm.share_threads()      # too late to say
a, x = torch.rand(2, 64, 8), torch.rand(2, 64, 8)
torch.set_num_threads(2)
assert torch.allclose(ssm.linear_recurrence(a, x)[0][:, 1], a[:, 1] * x[:, 0] + x[:, 1])
"""


def test_share_threads():
    done = process(SHARED, OMP_NUM_THREADS="2")
    assert done.returncode == 0, done.stderr


def test_nothing_is_printed_at_exit():
    program = "import torch, mlir_ssm.torch as s; x = torch.ones(1, 4, 4); s.linear_recurrence(x, x)"
    done = process(program)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
