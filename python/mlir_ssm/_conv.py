"""Long convolutions."""

import numpy as np

from . import _text
from ._arrays import (as_arrays, broadcast_letters, check_axis, check_choice, check_widths, describe, is_complex,
                      make_complex, real)
from ._compile import STRATEGIES, Plan, plans
from ._recurrence import LETTERS, NUMERICS

MODES = ("causal", "two_sided", "circular")


def long_conv(u, k, *, axis=-1, mode="causal", strategy="auto", numerics="norm"):
    """The convolution y_t = sum_j k_j u_{t-j} along one axis of u, of u's length L.

    Args:
        u: the signal, with time on `axis`, such as [B, H, L].
        k: the kernel, with its taps on the last axis, whatever `axis` is; its other axes broadcast against those of u
            without time, such as [H, K].
        mode: "causal": j = 0 .. K-1, and u is zero before time 0.
            "two_sided": k has 2L-1 taps, and k[..., L-1+d] weighs the lag d = -(L-1) .. L-1 (d > 0 is the past).
            "circular": t-j is taken modulo L; K is at most L.
        strategy: "auto" lets the compiler choose; "fft_conv", "direct_conv".
        numerics: "strict" computes an output from the inputs that it depends on only, and rules fft_conv out; "norm"
            promises an error that is small by norm.

    Returns:
        y, of u's shape; complex if u or k is.

    dtypes: float16, bfloat16, float32, float64, complex64, complex128; u and k of one width.

    Raises:
        TypeError: a dtype that is not supported, or widths that differ.
        ValueError: a shape that does not fit, or a strategy that cannot compute this.
    """
    u, k = as_arrays(("u", "k"), (u, k))
    axis = check_axis(axis, u.ndim, "u")
    key = ("long_conv", u.shape, u.dtype, k.shape, k.dtype, axis, mode, strategy, numerics)
    plan = plans.get(key, lambda: plan_long_conv(u, k, axis, mode, strategy, numerics))
    return plan((u, unrolled(k, u.shape[axis]) if mode == "circular" else k))[0]


def unrolled(k, length):
    """The two-sided kernel of a circular one: u_{t-j+L} with j = L-m is u_{t+m}."""
    taps = k.shape[-1]
    both = np.zeros((*k.shape[:-1], max(2 * length - 1, 0)), k.dtype)
    both[..., length - 1:length - 1 + taps] = k
    both[..., :max(taps - 1, 0)] = k[..., 1:]
    return both


def check_long_conv(u, k, axis, mode, strategy, numerics):
    """Raises unless the choices exist and the kernel has the taps that its mode needs."""
    check_choice(mode, MODES, "mode")
    check_choice(strategy, STRATEGIES, "strategy")
    check_choice(numerics, NUMERICS, "numerics")
    length = u.shape[axis]
    if k.ndim < 1:
        raise ValueError(f"k: expected its taps on the last axis, but it is {describe(k)}")
    taps = k.shape[-1]
    if mode == "two_sided" and taps != 2 * length - 1:
        raise ValueError(f"k: mode 'two_sided' needs 2L-1 = {2 * length - 1} taps for u {describe(u)}, but it is "
                         f"{describe(k)}")
    if mode == "circular" and taps > length:
        raise ValueError(f"k: mode 'circular' takes at most L = {length} taps for u {describe(u)}, but it is "
                         f"{describe(k)}")


def plan_long_conv(u, k, axis, mode, strategy, numerics):
    check_long_conv(u, k, axis, mode, strategy, numerics)
    length, taps = u.shape[axis], k.shape[-1]
    letters = LETTERS[:axis] + "t" + LETTERS[axis:u.ndim - 1]
    channels = letters.replace("t", "")
    sizes = dict(zip(letters, u.shape))
    kept, shape = broadcast_letters(k.shape[:-1], "k", channels, sizes, "u without time")
    elements = check_widths(("u", "k"), (u, k))
    part = real(elements[0])
    element = make_complex(part, "u") if any(map(is_complex, elements)) else part

    program = _text.Program("long_conv")
    result = _text.tensor(u.shape, element)
    signal = program.argument("u", u.shape, elements[0])
    maps = [letters, kept + "t", letters]

    if mode == "circular":
        taps = max(2 * length - 1, 0)
    kernel = program.argument("k", (*shape, taps), elements[1])
    direction = "forward" if mode == "causal" else "two_sided"
    value = _text.long_conv(program, letters, signal, kernel, maps, result,
                            [f"direction = #ssm.direction<{direction}>", f"numerics = #ssm.numerics<{numerics}>"])
    program.result(value, result)
    return Plan(program, strategy, [None, (*shape, taps)])
