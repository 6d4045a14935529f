"""ssm.materialize_kernel equals repeated multiplication in extended precision."""

import numpy as np
import pytest
from mlir_text import Kernel, Recurrence, check, compute

LENGTHS = [0, 1, 2, 3, 63, 64, 65, 1000, 4096, 65536]


def cases(dtype):
    def case(spec, length, complex="", **options):
        names = {"h": 5, "n": 3, "i": 4, "o": 7}
        used = {k: v for k, v in names.items() if k in spec}
        used.update((k, options.pop(k)) for k in list(options) if len(k) == 1)
        return Kernel(spec, {"l": length, **used}, dtype, complex, **options)

    out = [case("h,h,->hl", n) for n in LENGTHS]
    specs = ["hn,hn,hn->lh", "n,ni,on->oil", "n,n,n->l", ",,->l", "n,hn,->hl", "hn,n,h->hl"]
    if dtype == "f64":
        return out + [case("hn,hn,hn->hl", 1000, "abc", projection="twice_real", dynamic=True),
                      *(case(spec, 130, "a") for spec in specs)]
    out += [case("hn,hn,hn->hl", n, "abc", projection="twice_real", dynamic=True) for n in LENGTHS]
    out += [case(spec, 130, complex, dynamic=(k + len(complex)) % 2 == 0) for complex in ("", "abc", "ac")
            for k, spec in enumerate(specs)]
    out += [case("hn,hn,hn->hl", 100, "abc", h=h, n=n, projection="real") for h, n in [(7, 1), (17, 3), (1, 33)]]
    return out


@pytest.mark.parametrize("dtype", ["f32", "f64"])
def test_equals_powers(dtype):
    check(cases(dtype), dtype, None)


@pytest.mark.parametrize("dtype", ["f32", "f64"])
@pytest.mark.parametrize("magnitude", [0.5, 0.99, 0.999, 1.0])
def test_slow_decay_keeps_its_digits(dtype, magnitude):
    """The largest error of a tap, which a norm over all taps would hide."""
    case = Kernel("n,,->nl", {"n": 16, "l": 4096}, dtype, "a")
    angle = np.random.default_rng(3).uniform(-np.pi, np.pi, 16)
    case.inputs["a"] = (magnitude * np.exp(1j * angle)).astype(case.inputs["a"].dtype)
    case.inputs["b"], case.inputs["c"] = (np.ones((), x.dtype) for x in (case.inputs["b"], case.inputs["c"]))
    (k,), want = compute([case])[0], case.oracle[0]
    unit = np.finfo(case.inputs["b"].dtype).eps / 2
    assert np.max(np.abs(k - want) / np.abs(want).clip(1e-30)) <= 16 * unit


@pytest.mark.parametrize("dtype", ["f32", "f64"])
def test_is_the_response_to_an_impulse(dtype):
    """recurrence == conv(kernel), seen from an impulse."""
    kernel = Kernel("hn,hn,hn->hl", {"h": 5, "n": 3, "l": 500}, dtype, "abc", projection="twice_real")
    model = Recurrence("hn,hn,hn,th->th", {"h": 5, "n": 3, "t": 500}, dtype, "abc", projection="twice_real")
    model.inputs.update({k: kernel.inputs[k] for k in "abc"})
    model.inputs["u"] = np.zeros_like(model.inputs["u"])
    model.inputs["u"][0] = 1
    (k,), (y, _) = compute([kernel])[0], compute([model], "sequential")[0]
    bar = {"f32": 4e-7, "f64": 1e-14}[dtype]
    assert np.linalg.norm(k.T - y) <= 2 * bar * np.linalg.norm(y)
