"""Where large results come from."""

from ._arrays import check_integer
from ._compile import core

MOST = 2**31 - 1  # What glibc's mallopt takes.


def keep_memory(limit=MOST):
    """Has this process keep up to `limit` bytes of what it frees, for the next arrays.

    glibc maps every block of 32 MiB or more anew and gives it back when it is freed, so that each large result, of JAX,
    PyTorch and NumPy as of this package, is fresh memory, whose first use takes as long as a recurrence on it. After
    this call, blocks below 2 GiB come from what the process has kept. It changes malloc for the whole process, so it is
    the program's to decide, not a library's; call it before the first large array.

    Args:
        limit: bytes, 0 to 2**31 - 1.

    Returns:
        True, or False where malloc is not glibc's: nothing has changed then.
    """
    limit = check_integer(limit, "limit")
    if not 0 <= limit <= MOST:
        raise ValueError(f"limit: expected 0 to {MOST} bytes, but it is {limit}")
    return core().keep_memory(limit)
