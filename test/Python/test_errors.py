"""Wrong arguments: a TypeError or ValueError that names one, and never anything else."""

import importlib
import re
import sys

import ml_dtypes
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import mlir_ssm as ssm


def ones(*shape, dtype=np.float32):
    return np.ones(shape, dtype)


X = ones(2, 3, 4)
BF16 = ml_dtypes.bfloat16


@pytest.mark.parametrize("call,error,message", [
    (lambda: ssm.linear_recurrence(X, X, init=ones(2, 5)), ValueError, r"init: .*\[2, 4\].*\[2, 5\]"),
    (lambda: ssm.linear_recurrence(ones(1, 2, 3, 4), X), ValueError, r"a: .*\[2, 3, 4\].*\[1, 2, 3, 4\]"),
    (lambda: ssm.linear_recurrence(X, X, axis=3), ValueError, r"axis: .*3"),
    (lambda: ssm.linear_recurrence(X, X, axis=1.0), TypeError, r"axis: .*float"),
    (lambda: ssm.linear_recurrence(X, X, transition="full"), ValueError, r"transition: .*'full'"),
    (lambda: ssm.linear_recurrence(X, X, strategy="fastest"), ValueError, r"strategy: .*'fastest'"),
    (lambda: ssm.linear_recurrence(X, X, numerics="loose"), ValueError, r"numerics: .*'loose'"),
    (lambda: ssm.linear_recurrence(X, X, transition="dplr"), TypeError, r"a: .*\(w, p, q\)"),
    (lambda: ssm.linear_recurrence(X, X, transition="dense"), ValueError, r"a: .*\[\.\.\., 4, 4\].*float32\[2, 3, 4\]"),
    (lambda: ssm.linear_recurrence((ones(4), ones(4), ones(4, 2)), X, transition="dplr"), ValueError, r"q: "),
    (lambda: ssm.linear_recurrence(X, X, strategy="fft_conv"), ValueError, "fft_conv.*the transition varies"),
    (lambda: ssm.linear_recurrence(X, ones(2, 3, 4, dtype=BF16)), TypeError, "x: the dtype .*float32.*bfloat16"),
    (lambda: ssm.linear_recurrence(X.astype(">f4"), X), TypeError, "a: the dtype .*byte order"),
    (lambda: ssm.linear_recurrence(ones(4, dtype=np.complex64), ones(2, 3, 4, dtype=np.float16)), TypeError, "dtype"),
    (lambda: ssm.linear_recurrence(object(), X), TypeError, "a: "),
    (lambda: ssm.state_space("hn,hn,hn,bth", *[X] * 4), ValueError, "spec: .*4 operands and a result"),
    (lambda: ssm.state_space("hn,hn,hn,bth->bth", *[ones(2, 3)] * 3, ones(1, 9, 4)), ValueError, r"u: .*'h'.*\[1, 9, 4\]"),
    (lambda: ssm.state_space("hn,hn,hn,bh->bh", *[ones(2, 3)] * 3, ones(1, 2)), ValueError, "spec: .*'t'"),
    (lambda: ssm.state_space("hn,hn,hn,bth->bth", *[ones(2, 3)] * 3, ones(1, 9, 2), output="real"), ValueError,
     "output: 'real' needs complex"),
    (lambda: ssm.state_space("hn,hn,hn,bth->bth", *[ones(2, 3)] * 3, ones(1, 9, 2), ones(5)), ValueError, "d: "),
    (lambda: ssm.state_space("hn,hn,hn,bth->bth", *[ones(2, 3)] * 3, ones(1, 9, 2), read="during"), ValueError, "read: "),
    (lambda: ssm.materialize_kernel("hn,hn,hn->hl", *[ones(2, 3)] * 3, -1), ValueError, "length: "),
    (lambda: ssm.materialize_kernel("hn,hn,hn->h", *[ones(2, 3)] * 3, 4), ValueError, "spec: .*'l'"),
    (lambda: ssm.long_conv(X, ones(5, 9)), ValueError, r"k: .*\[2, 3\].*\[5\]"),
    (lambda: ssm.long_conv(X, ones(3, 8), mode="two_sided"), ValueError, "k: .*7 taps"),
    (lambda: ssm.long_conv(X, ones(3, 5), mode="circular"), ValueError, "k: .*at most L = 4"),
    (lambda: ssm.fft(ones(4, dtype=np.float16)), TypeError, "x: the dtype"),
    (lambda: ssm.fft(ones(0)), ValueError, "x: .*at least 1"),
    (lambda: ssm.rfft(ones(4, dtype=np.complex64)), TypeError, "x: the dtype"),
    (lambda: ssm.irfft(ones(4)), TypeError, "X: the dtype"),
    (lambda: ssm.irfft(ones(1, dtype=np.complex64)), ValueError, "n: .*at least 1"),
    (lambda: ssm.discretize(ones(3), ones(4), ones(3)), ValueError, "a, b, dt: "),
    (lambda: ssm.discretize(ones(3), ones(3), ones(3, dtype=np.complex64)), TypeError, "dt: a step is real"),
    (lambda: ssm.discretize(ones(3), ones(3), 0.1, method="foh"), ValueError, "method: .*'foh'"),
    (lambda: ssm.associative_scan(lambda l, r: (l[0] + 1j,), (X,)), TypeError, "fn: "),
    (lambda: ssm.associative_scan(lambda l, r: l if l[0] > r[0] else r, (X,)), TypeError, "fn: .*ssm.where"),
    (lambda: ssm.associative_scan(lambda l, r: l[0], (X,)), TypeError, "fn: expected a tuple of 1"),
    (lambda: ssm.associative_scan(lambda l, r: l + r, X, exclusive=True), ValueError, "identity: "),
    (lambda: ssm.associative_scan(lambda l, r: l, (X, ones(1))), ValueError, r"xs\[1\]: .*\[2, 3, 4\].*\[1\]"),
    (lambda: ssm.associative_scan(lambda l, r: l + r, X, identity="0"), TypeError, "identity: "),
    (lambda: ssm.compile("func.func @f() { return }", entry="g"), ValueError, "error: .*'g' is not"),
    (lambda: ssm.compile("func.func @f() { return }", target="pdp11"), ValueError, "error: .*'pdp11'"),
    (lambda: ssm.compile("func.func @f() { return }", threads=0), ValueError, "threads: "),
    (lambda: ssm.compile(7), TypeError, "text_or_path: "),
    (lambda: ssm.compile("absent.mlir"), FileNotFoundError, "absent.mlir"),
])
def test_message(call, error, message):
    with pytest.raises(error, match=message):
        call()


GOOD = [
    (ssm.linear_recurrence, (X, X), {"init": ones(2, 4), "axis": 1, "reverse": True, "transition": "diagonal",
                                     "strategy": "auto", "numerics": "norm"}),
    (ssm.linear_recurrence, (ones(4, 4), X), {"transition": "dense", "init": ones(2, 4)}),
    (ssm.linear_recurrence, ((ones(4), ones(4), ones(4)), X), {"transition": "dplr"}),
    (ssm.state_space, ("hn,hn,hn,bth->bth", ones(4, 2), ones(4, 2), ones(4, 2), X, ones(4)),
     {"init": ones(4, 2, 2), "output": "none", "reverse": False, "read": "after", "strategy": "auto"}),
    (ssm.materialize_kernel, ("hn,hn,hn->hl", ones(4, 2), ones(4, 2), ones(4, 2), 5), {"output": "none"}),
    (ssm.long_conv, (X, ones(3, 4)), {"axis": -1, "mode": "causal", "strategy": "auto", "numerics": "norm"}),
    (ssm.associative_scan, (lambda l, r: l + r, X), {"axis": 0, "exclusive": True, "identity": 0}),
    (ssm.fft, (X, -1), {}),
    (ssm.irfft, (ones(2, 3, dtype=np.complex64), 4, -1), {}),
    (ssm.discretize, (X, X, 0.1), {"method": "zoh"}),
]
BAD = [None, 3, -1, 0.5, 1j, "", "auto", "hn,hn,hn,bth->bth", "a,b->c", [], [1.0, 2.0], (1, 2), {}, object(), print,
       ones(0), ones(4), ones(2, 3), ones(2, 3, 5), ones(3, 4, dtype=np.float64), ones(2, 3, 4, dtype=np.int64),
       ones(4, dtype=BF16), ones(4, dtype=np.complex64), ones(2, 3, 4, dtype=object), np.array("text"),
       np.array(["a", "b"]), ones(2, 0, 4), ones(1, 1, 1, 1, 1), np.zeros(3, "M8[s]"), ones(4).astype(">f4")]


@pytest.mark.parametrize("times", [1, pytest.param(40, marks=pytest.mark.slow)])
@pytest.mark.parametrize("which", range(len(GOOD)), ids=lambda i: f"{GOOD[i][0].__name__}-{i}")
def test_any_argument(which, times):
    """One or two arguments of a good call are replaced; it works, or the error names an argument."""
    function, args, keywords = GOOD[which]
    slots = [*range(len(args)), *keywords]

    @settings(max_examples=25 * times, deadline=None, derandomize=times == 1, database=None,
              suppress_health_check=list(HealthCheck))
    @given(st.lists(st.tuples(st.sampled_from(slots), st.integers(0, len(BAD) - 1)), min_size=1, max_size=2))
    def run(changes):
        new_args, new_keywords = list(args), dict(keywords)
        for slot, bad in changes:
            (new_args if isinstance(slot, int) else new_keywords)[slot] = BAD[bad]
        try:
            function(*new_args, **new_keywords)
        except (TypeError, ValueError) as error:
            assert re.match(r"[\w\[\], ]+: |<mlir_ssm\.\w+>:", str(error)), str(error)
    run()


def test_without_torch(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(sys.modules, "mlir_ssm.torch", raising=False)
    with pytest.raises(ImportError, match="mlir_ssm.torch needs PyTorch; install it with pip install torch"):
        importlib.import_module("mlir_ssm.torch")
