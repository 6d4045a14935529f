"""S5: x_t = a x_(t-1) + B u_t, y_t = 2 Re(C x_t), with N complex states and dense
B and C. "NumPy's products" are B u and C x alone, on real and imaginary parts
beside each other. The limit is the arithmetic of these products."""

import numpy as np
import peers
import programs
from measure import aligned, error_norm

SHAPES = [(1, 4096, 256, 128), (8, 1024, 256, 256), (4, 2048, 1024, 512)]  # B, L, H, N
QUICK = [(2, 40, 12, 6)]


def data(B, L, H, N):
    random = np.random.default_rng(0)

    def matrix(rows, columns):
        parts = random.standard_normal((2, rows, columns)) / np.sqrt(2 * columns)
        return aligned(parts[0] + 1j * parts[1], "complex64")
    a = random.uniform(0.9, 0.999, N) * np.exp(1j * random.uniform(0, np.pi, N))
    u = random.standard_normal((B, L, H))
    return aligned(a, "complex64"), aligned(u), matrix(N, H), matrix(H, N)


def reference(a, u, b, c):
    """In float64."""
    a, u, b, c = (x.astype(np.complex128) for x in (a, u, b, c))
    states = u @ b.T
    for t in range(1, u.shape[1]):
        states[:, t] += a * states[:, t - 1]
    return 2 * (states @ c.T).real


def numpy_products(u, b, c):
    into = np.concatenate([b.real, b.imag]).T.copy()
    out = np.concatenate([2 * c.real, -2 * c.imag], axis=1).T.copy()
    rows = u.reshape(-1, u.shape[-1])
    return lambda: (rows @ into) @ out


def measure(bench, B, L, H, N):
    a, u, b, c = data(B, L, H, N)
    expected = reference(a, u, b, c)
    race = bench.race(dict(task="layer", shape=[B, L, H, N], layout="bthn", dtype="float32"))

    def check(result):
        return error_norm(result[0] if isinstance(result, list) else result, expected)
    letters = {"a": "n", "u": "bti", "b": "ni", "c": "on"}
    text = programs.recurrence(letters, dict(b=B, t=L, i=H, o=H, n=N), dict.fromkeys("abc", "complex64"), "bto", "bn",
                               "twice_real")
    kernel = race.compile(lambda: bench.compiler.compile(text))
    if kernel:
        race.enter("ssm", lambda: kernel.bind(a, u, b, c), check, strategy=kernel.strategy, compile_s=kernel.compile_s)
    race.enter("jax.lax.associative_scan", lambda: peers.jax_s5(a, u, b, c, tree=True), check)
    race.enter("jax.lax.scan", lambda: peers.jax_s5(a, u, b, c, tree=False), check)
    race.enter("NumPy's products", lambda: numpy_products(u, b, c))
    race.run()
    # Of complex numbers by real ones, and the real part of complex products.
    bound = 4 * B * L * H * N / bench.native.rate("multiply_adds")
    race.add("limit", bound, bound, note="the products, multiply-adds at peak rate")


def run(bench):
    for shape in QUICK if bench.quick else SHAPES:
        measure(bench, *shape)
