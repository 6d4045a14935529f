"""Linear recurrences, compiled: scans, state-space layers, long convolutions and Fourier transforms on arrays.

    import mlir_ssm as ssm
    states, final = ssm.linear_recurrence(a, x)          # h_t = a_t h_{t-1} + x_t

Functions take NumPy arrays, or any array with DLPack, and return NumPy arrays. Code is compiled for shapes and dtypes
when they are first seen, and kept: in memory, and on disk if the environment variable MLIR_SSM_CACHE_DIR names a folder
(which must be as trusted as the program itself: it holds machine code).

dtypes: float16, bfloat16 (of ml_dtypes), float32, float64, complex64, complex128. Nothing is converted silently: the
operands of a call have one width, and complex ones may meet real ones of it. A wrong dtype is a TypeError, a wrong
shape or choice a ValueError; both name the argument, what was expected and what came.
"""

from ._compile import Compiled, compile, host_target
from ._conv import long_conv
from ._discretize import discretize
from ._fft import fft, ifft, irfft, rfft
from ._gradient import gradient
from ._memory import keep_memory
from ._recurrence import linear_recurrence, materialize_kernel, state_space
from ._scan import associative_scan, exp, log, maximum, minimum, where
from ._step import Step, derive_step
from ._threads import share_threads
from ._version import version

__version__ = version
__all__ = ["Compiled", "Step", "associative_scan", "compile", "derive_step", "discretize", "exp", "fft", "gradient",
           "host_target", "ifft", "irfft", "keep_memory", "linear_recurrence", "log", "long_conv", "materialize_kernel",
           "maximum", "minimum", "rfft", "share_threads", "state_space", "version", "where"]
