"""Whose threads kernels run on."""

import sys

from ._compile import core


def share_threads():
    """Has PyTorch run on the threads of kernels. Call it before PyTorch is imported.

    PyTorch comes with GNU's OpenMP runtime, kernels need LLVM's. The threads of each wait for more work for some time after
    an operator, on the CPUs that those of the other want: with as many threads as CPUs, a kernel of half a millisecond
    takes up to four. LLVM's runtime has GNU's functions too, and PyTorch takes them where they are loaded first.

    Returns:
        True, or False where PyTorch has been imported already, or there is no such runtime: nothing has changed then.
    """
    return "torch" not in sys.modules and core().load_openmp()
