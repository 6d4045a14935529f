"""The causal convolution y = k * u, the kernel as long as the signal. All
transform the kernel at each call, or "with the spectrum" have it beforehand, and
are compared with ours of the same kind. The limit is the greater of the traffic (the signal read, the
result written) and the arithmetic of two complex transforms a row."""

import math

import numpy as np
import peers
import programs
from measure import READY, aligned, error_norm, seconds
from native import fft_libraries

# B, H, L
SHAPES = [(8, 64, 1024), (4, 64, 4096), (4, 32, 16384), (1, 16, 65536), (1, 16, 1 << 20), (4, 64, 1000), (4, 64, 5000),
          (4, 64, 12289)]
CURVES = [(1, 16, 1 << k) for k in range(6, 19, 2)]
QUICK = [(2, 16, 64), (1, 16, 50)]
LAYOUTS = ("bht", "bth")
# Beyond, products of matrices fall further and further behind.
MOST_MATRIX_STEPS = 16384


def reference(u, k):
    """In float64, along the last axis. The transform's own error is 1e-15."""
    n = 1 << (2 * u.shape[-1] - 1).bit_length()
    rows = [np.fft.irfft(np.fft.rfft(batch.astype(np.float64), n) * np.fft.rfft(k.astype(np.float64), n), n)
            for batch in u]
    return np.stack(rows)[..., : u.shape[-1]]


def good_length(n):
    """The smallest product of 2, 3, 5 and 7 that is at least n."""
    while True:
        rest = n
        for p in (2, 3, 5, 7):
            while rest % p == 0:
                rest //= p
        if rest == 1:
            return n
        n += 1


def pipeline(native, path, right_angle, u, k, ready):
    """u [B, H, L], k [H, L]; with `ready` the kernel is transformed before."""
    B, H, L = u.shape
    y = aligned(np.zeros_like(u))
    handle = native.handle("pipeline", path, right_angle, L, H, good_length(L))
    native.bind("pipeline_run", handle, k, u, y, B)()
    return native.bind("pipeline_run", handle, None if ready else k, u, y, B, result=y)


def by_hand(native, u, k, ready):
    """u [B, L, H], k [L, H]."""
    B, L, H = u.shape
    y = aligned(np.zeros_like(u))
    handle = native.handle("fftconv", L, H)
    prepare = native.bind("fftconv_prepare", handle, k)
    run = native.bind("fftconv_run", handle, u, y, B, result=y)
    prepare()
    if ready:
        return run

    def call():
        prepare()
        return run()
    return call


def limit(native, B, H, L):
    """Seconds that a bound says, and which it is."""
    triads = native.triads(B * H * L * 2 // 3).values()
    traffic = min(seconds(triad) for triad in triads for _ in range(6))
    # Forward and inverse, 5 L log2 L operations each; half of the peak is
    # that of additions and multiplications that are not fused.
    arithmetic = B * H * 2 * 5 * L * math.log2(max(L, 2)) / native.rate("multiply_adds")
    return max((traffic, "the signal read and the result written"),
               (arithmetic, "two complex transforms of length L, additions and multiplications at peak rate"))


def measure(bench, B, H, L, layout, effort, slow_peers):
    random = np.random.default_rng(0)
    rows, taps = random.uniform(-1, 1, (B, H, L)), random.uniform(-1, 1, (H, L))
    last = layout == "bth"
    axis = layout.index("t")
    turn = (lambda v: np.swapaxes(v, -1, -2)) if last else (lambda v: v)
    u, k = aligned(turn(rows)), aligned(turn(taps))
    expected = turn(reference(aligned(rows), aligned(taps)))
    race = bench.race(dict(task="conv", shape=list(u.shape), layout=layout, dtype="float32"), effort)

    def check(result):
        return error_norm(result[0] if isinstance(result, list) else result, expected)

    def ours(threads=None, pinned=None, prepare=False):
        text = programs.convolution(layout, "th" if last else "ht", {"b": B, "h": H, "t": L}, L, pinned)
        return bench.compiler.compile(text, "auto", threads, prepare)

    def ours_ready(threads=None, pinned=None):
        kernel = ours(threads, pinned, prepare=True)
        return kernel.bind(u, *kernel.prepare(k))

    kernel = race.compile(ours)
    if kernel:
        race.enter("ssm", lambda: kernel.bind(u, k), check, strategy=kernel.strategy, compile_s=kernel.compile_s)
        race.enter("ssm" + READY, ours_ready, check, strategy=kernel.strategy)
    if kernel and bench.threads > 1:
        race.enter("ssm on 1 thread", lambda: ours(1).bind(u, k), check)
        race.enter("ssm on 1 thread" + READY, lambda: ours_ready(1), check)
    if kernel and L <= MOST_MATRIX_STEPS:
        race.enter("ssm by bf16 matrices" + READY, lambda: ours_ready(pinned="fft_conv, matrix = bf16"), check)
    for ready in (False, True):
        suffix = READY if ready else ""
        if last:
            race.enter("C++ by hand" + suffix, lambda: by_hand(bench.native, u, k, ready), check)
        else:
            for name, path in fft_libraries().items():
                for angle, form in ((True, "right angle"), (False, "real")):
                    race.enter(f"{name} {form}{suffix}",
                               lambda: pipeline(bench.native, path, angle, u, k, ready), check)
    race.enter("torch.fft", lambda: peers.torch_convolution(u, k, axis, bench.threads), check)
    race.enter("jnp.fft", lambda: peers.jax_convolution(u, k, axis), check)
    if slow_peers:
        race.enter("scipy.fft", lambda: peers.scipy_convolution(u, k, axis, bench.threads), check)
        race.enter("numpy.fft", lambda: peers.numpy_convolution(u, k, axis), check)
    race.run()
    bound, what = limit(bench.native, B, H, L)
    race.add("limit", bound, bound, note=what)


def run(bench):
    for B, H, L in QUICK if bench.quick else SHAPES:
        for layout in LAYOUTS:
            measure(bench, B, H, L, layout, bench.full, slow_peers=True)
    for B, H, L in [] if bench.quick else CURVES:
        for layout in LAYOUTS:
            if (B, H, L) not in SHAPES:
                measure(bench, B, H, L, layout, bench.brief, slow_peers=False)
