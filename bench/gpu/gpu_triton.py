"""The scan of rows as Triton has it: a program for each row, its own scan of blocks in turn, and a carry."""

import triton
import triton.language as tl


@triton.jit
def combine(a, u, b, v):
    return a * b, b * u + v


@triton.jit
def scan_rows(a, u, y, length, BLOCK: tl.constexpr):
    """y_t = a_t y_{t-1} + u_t in each row of `length` steps."""
    row = tl.program_id(0).to(tl.int64) * length
    step = tl.arange(0, BLOCK)
    carry = tl.zeros((), tl.float32)
    for start in range(0, length, BLOCK):
        at = row + start + step
        inside = start + step < length
        decay = tl.load(a + at, mask=inside, other=1.0)
        signal = tl.load(u + at, mask=inside, other=0.0)
        decay, signal = tl.associative_scan((decay, signal), 0, combine)
        state = decay * carry + signal
        tl.store(y + at, state, mask=inside)
        carry = tl.sum(tl.where(step == BLOCK - 1, state, 0.0))
