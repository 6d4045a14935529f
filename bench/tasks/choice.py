"""Every strategy that can compute a problem, over a grid of problems, and which
one the compiler chose. An invariant system ("lti") has a, c [h, n] and
u [b, t, h]; a varying one ("ltv") has a [b, t, h, n] and c [b, t, n], or
a [b, t, h] alone where there is one state a channel."""

import itertools

import numpy as np
import programs
from compiled import judgements
from measure import aligned, error_norm

LENGTHS = (16, 128, 1024, 8192, 65536, 1 << 18)
INVARIANT = [(1, 1, 1), (1, 1, 16), (1, 16, 4), (1, 64, 16), (4, 16, 1), (8, 64, 1), (1, 256, 4), (2, 4, 64), (1, 512, 1)]
VARYING = [(1, 1, 1), (1, 16, 1), (1, 64, 1), (4, 64, 1), (1, 512, 1), (8, 16, 1), (1, 16, 8), (2, 32, 16), (1, 256, 16)]
DTYPES = ("float32", "complex64")
MOST = {"lti": 1 << 27, "ltv": 1 << 23}  # state updates
CHECKED = 4096      # steps; longer problems are not compared with float64
PATIENCE = 1.0      # seconds; slower candidates must promise to be near the best
HOPELESS = 10


def grid():
    """(system, B, L, H, N, dtype), at least 150 of them."""
    for system, sizes in (("lti", INVARIANT), ("ltv", VARYING)):
        for (B, H, N), L, dtype in itertools.product(sizes, LENGTHS, DTYPES):
            if B * L * H * N <= MOST[system]:
                yield system, B, L, H, N, dtype


QUICK = [("lti", 1, 64, 16, 2, "complex64"), ("ltv", 2, 32, 8, 1, "float32"), ("ltv", 1, 32, 16, 4, "complex64")]


def problem(system, B, L, H, N, dtype):
    """The program's text, its arguments by name, and their letters."""
    sizes = {"b": B, "t": L, "h": H, "n": N}
    letters = {"a": "hn", "u": "bth", "c": "hn"} if system == "lti" else \
              {"a": "bthn", "u": "bth", "c": "btn"} if N > 1 else {"a": "bth", "u": "bth"}
    final = "bhn" if "c" in letters else "bh"
    random = np.random.default_rng(0)
    arguments, dtypes = {}, {}
    for name, where in letters.items():
        shape = [sizes[d] for d in where]
        dtypes[name] = "float32" if name == "u" and "c" in letters else dtype
        value = random.uniform(0.5, 0.999, shape) if name == "a" else random.uniform(-1, 1, shape)
        if dtypes[name] == "complex64":
            value = value * np.exp(1j * random.uniform(-3, 3, shape))
        arguments[name] = aligned(value, dtypes[name])
    projection = "twice_real" if dtype == "complex64" and "c" in letters else "none"
    return programs.recurrence(letters, sizes, dtypes, "bth", final, projection), arguments, letters, projection


def reference(arguments, letters, projection):
    """The definition in float64."""
    wide = {k: v.astype(np.complex128 if np.iscomplexobj(v) else np.float64) for k, v in arguments.items()}
    a, u, c = wide["a"], wide["u"], wide.get("c")
    if "c" not in letters:
        a, c = a[..., None], np.ones(1)
    state = np.zeros((*u[:, 0].shape, a.shape[-1]), np.result_type(a, u))
    rows = []
    for t in range(u.shape[1]):
        varying = "t" in letters["a"]
        state = (a[:, t] if varying else a) * state + u[:, t, :, None]
        out = c if "t" not in letters.get("c", "") else c[:, t, None]
        rows.append((out * state).sum(-1))
    y = np.stack(rows, 1)
    return 2 * y.real if projection == "twice_real" else y


def measure(bench, system, B, L, H, N, dtype):
    text, arguments, letters, projection = problem(system, B, L, H, N, dtype)
    race = bench.race(dict(task="choice", shape=[B, L, H, N], layout="bthn", dtype=dtype), bench.brief)
    expected = reference(arguments, letters, projection) if L <= CHECKED else None

    def check(results):
        return None if expected is None else error_norm(results[0], expected)

    automatic = race.compile(lambda: bench.compiler.compile(text))
    if not automatic:
        return
    chosen, estimates = judgements(automatic.explanation)
    for strategy, estimate in estimates.items():
        more = dict(strategy=strategy, system=system, chosen=strategy == chosen)
        if isinstance(estimate, str):
            continue  # refused
        if estimate > PATIENCE and estimate > HOPELESS * estimates[chosen] and not more["chosen"]:
            race.add("ssm", note=f"not measured: estimated at {estimate:.3g} s", **more)
            continue
        kernel = automatic if strategy == chosen else race.compile(lambda: bench.compiler.compile(text, strategy))
        if kernel:
            race.enter("ssm", lambda: kernel.bind(*arguments.values()), check, estimate_s=estimate,
                       compile_s=kernel.compile_s, **more)
    race.run()


def run(bench):
    for case in QUICK if bench.quick else grid():
        measure(bench, *case)
