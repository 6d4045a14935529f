"""Programs of many independent ops, and running them against the oracles.

Starting a tool and compiling cost more than a small op, so cases are computed
in batches: one function, one process for each strategy. A case knows

    operands()   {name: float or complex array in the op's precision}
    body(i, strategy)
                 its MLIR lines; results are named by results(i)
    types()      (operand types, result types)
    expected()   the oracle's results
"""

from .batch import check, compute, program
from .case import affine, bar, decaying, element, extended, norm, normal, pinned, tensor
from .conv import Conv, convolve, direct_sum
from .fft import FFT
from .kernel import Kernel
from .recurrence import Recurrence
from .rows import Rows
from .scan import Scan

__all__ = ["Conv", "FFT", "Kernel", "Recurrence", "Rows", "Scan", "affine", "bar", "check", "compute", "convolve", "decaying",
           "direct_sum", "element", "extended", "norm", "normal", "pinned", "program", "tensor"]
