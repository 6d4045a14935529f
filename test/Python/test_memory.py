"""Large results come from memory that the process has kept, once it asks for that."""

import os
import subprocess
import sys

import mlir_ssm as ssm
import numpy as np
import pytest

# Prints the page faults of a call with a result of 64 MiB, when such a result has been freed before.
PROGRAM = """
import resource, sys
import numpy as np
import mlir_ssm as ssm
import numpy as np

if sys.argv[1] == "keep":
    assert ssm.keep_memory()
a, x = np.full(64, 0.5, np.float32), np.ones((1, 1 << 18, 64), np.float32)
def states():
    return ssm.linear_recurrence(a, x)[0]
for _ in range(2):
    states()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
assert states()[0, 2, 0] == 1.75
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(how):
    run = subprocess.run([sys.executable, "-c", PROGRAM, how], capture_output=True, text=True, check=True,
                         env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})
    return int(run.stdout)


def test_kept_memory_is_used_again():
    """64 MiB are 32 huge pages or 16,384 small ones."""
    assert faults("keep") < 8 < 30 < faults("give back")


@pytest.mark.parametrize("limit", [-1, 2**31])
def test_limit_out_of_range(limit):
    with pytest.raises(ValueError, match=r"limit: expected 0 to 2147483647 bytes"):
        ssm.keep_memory(limit)


def test_limit_of_another_type():
    with pytest.raises(TypeError, match="limit: expected an integer"):
        ssm.keep_memory(1e9)


@pytest.mark.parametrize("dtype", ["float32", "complex64"])
def test_large_results_are_aligned_to_cache_lines(dtype):
    """Such results are written past the caches."""
    a, x = np.full(100, 0.5, dtype), np.ones((2, 1000, 100), dtype)
    for _ in range(4):
        states, _ = ssm.linear_recurrence(a, x)
        assert states.ctypes.data % 64 == 0 and states.flags.c_contiguous and states.flags.writeable
