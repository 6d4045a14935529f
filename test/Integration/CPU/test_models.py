"""examples/models: every model, every legal strategy, one answer, its oracle's."""

import re
import subprocess
import sys

import numpy as np
import pytest
import zoo
from harness import BUILD, tool
from reference import ops
from zoo import MODELS, compiled, error, legal

FILES = list(dict.fromkeys(m.file for m in MODELS.values()))
# L2 of the error relative to the oracle's result, 200 steps, decays up to 0.9999.
BARS = {"f32": 5e-6, "f64": 2e-13}


def models_of(file):
    return [m for m in MODELS.values() if m.file == file]


def misses(model, strategy, dtype, case, results):
    """One line for each result that misses its bar. In bf16 the bar is 2 units in the last place."""
    if dtype == "bf16":
        found = zoo.ulps(results[0], case.expected[0])
        return [f"{model.name} {strategy} bf16: {found:.2f} units in the last place"] if not found <= 2 else []
    return [f"{model.name} {strategy} {dtype}: result {i} is off by {e:.2e}, allowed {BARS[dtype]:.0e}"
            for i, e in enumerate(model.errors(results, case)) if not e <= BARS[dtype]]


@pytest.mark.parametrize("file", FILES)
def test_equals_the_oracle(file):
    """On random and on trained-like parameters."""
    missed = []
    for dtype in BARS:
        for strategy in legal(file):
            code = compiled(file, dtype, strategy)
            for model in models_of(file):
                for trained in (False, True):
                    case = model.draw(dtype, trained)
                    missed += misses(model, strategy, dtype, case, code.call(model.name, case.arguments))
    assert not missed, "\n".join(missed)


@pytest.mark.parametrize("file", list(dict.fromkeys(m.file for m in MODELS.values() if m.bf16)))
def test_in_bf16(file):
    """Diagonal models whose signals are stored in bf16. The arithmetic is that of f32: one strategy will do."""
    missed = []
    code = compiled(file, "bf16", legal(file)[0])
    for model in models_of(file):
        for trained in (False, True) if model.bf16 else ():
            case = model.draw("bf16", trained)
            missed += misses(model, legal(file)[0], "bf16", case, code.call(model.name, case.arguments))
    assert not missed, "\n".join(missed)


def parts(model, arguments, cuts):
    """The same call in pieces of time, the states handed on; the outputs joined."""
    code = compiled(model.file, "f64", legal(model.file)[0])
    signals = [n for n, t in code.functions[model.name][0] if t.startswith("tensor<?x?x")]
    states = [n for n, t in code.functions[model.name][0] if re.match(r"tensor<\?x\d", t)]
    ys = []
    for start, stop in zip(cuts, cuts[1:]):
        piece = {n: arguments[n][:, start:stop] for n in signals}
        y, *last = (r.copy() for r in code.call(model.name, arguments | piece))
        arguments = arguments | dict(zip(states, last, strict=True))
        ys.append(y)
    return [np.concatenate(ys, axis=1), *last]


@pytest.mark.parametrize("name", [m.name for m in MODELS.values() if m.init])
def test_states_carry(name):
    """Pieces of 0, 1, 63 and 136 steps make the whole: chunked prefill."""
    model = MODELS[name]
    case = model.draw("f64", trained=True)
    results = parts(model, case.arguments, [0, 0, 1, 64, 200])
    assert not misses(model, legal(model.file)[0], "f64", case, results)


def test_s4_forms_agree():
    """Step by step with a carried state, as a scan, and as a convolution."""
    model = MODELS["s4"]
    case = model.draw("f64", trained=True, length=150)
    steps = parts(model, case.arguments, list(range(151)))
    assert not misses(model, "step", "f64", case, steps)
    for strategy in ("tree_scan", "fft_conv", "direct_conv"):
        whole = compiled("s4", "f64", strategy).call("s4", case.arguments)
        assert error(whole[0], steps[0]) < 1e-12 and error(whole[1], steps[1]) < 1e-12


@pytest.mark.parametrize("strategy", zoo.STRATEGIES)
def test_s5_equals_its_flipped_formulation(strategy):
    case = MODELS["s5_bidirectional"].draw("f64", trained=True)
    code, x = compiled("s5", "f64", strategy), case.arguments
    start = np.zeros((2, 16), complex)
    ahead, _ = (r.copy() for r in code.call("s5", x | dict(C=x["C_ahead"], x0=start)))
    back, _ = code.call("s5", x | dict(C=x["C_back"], x0=start, D=0 * x["D"], u=x["u"][:, ::-1]))
    (both,) = code.call("s5_bidirectional", x)
    assert error(both, ahead + back[:, ::-1]) < 1e-12


@pytest.mark.parametrize("strategy", zoo.STRATEGIES)
def test_bigs_equals_its_flipped_formulation(strategy):
    """The flipped signal with the two directions exchanged gives the flipped output."""
    case = MODELS["bigs"].draw("f64", trained=True)
    code, x = compiled("bigs", "f64", strategy), case.arguments
    swap = {"Uf": "Ub", "Ub": "Uf", "Wf": "Wb", "Wb": "Wf", "f": "b", "b": "f"}
    swapped = {re.sub(r"^[^_]+", lambda m: swap.get(m[0], m[0]), k): v for k, v in x.items()}
    y = code.call("bigs", x)[0].copy()
    (flipped,) = code.call("bigs", swapped | {"x": x["x"][:, ::-1]})
    assert error(flipped[:, ::-1], y) < 1e-12


def packed_oracle(a, u, init, starts):
    """Each sequence by itself."""
    states, final = np.zeros_like(u), init.copy()
    for s, (start, stop) in enumerate(zip(starts, starts[1:])):
        if start < stop:
            piece = slice(start, stop)
            states[piece], final[s] = (r[0] for r in ops.linear_recurrence(a[None, piece], u[None, piece], init[s][None]))
    return states, final


@pytest.mark.parametrize("strategy", ["sequential", "tree_scan"])
@pytest.mark.parametrize("starts", [[0, 1, 1, 130, 300], [0, 300], [0], [0, 0, 0]])
def test_packed_sequences(starts, strategy):
    rng = np.random.default_rng(starts)
    a, u = rng.uniform(0.5, 0.9999, (starts[-1], 32)), rng.standard_normal((starts[-1], 32))
    init = rng.standard_normal((len(starts) - 1, 32))
    code = compiled("packed", "f64", strategy)
    results = code.call("packed", dict(A=a, u=u, init=init, starts=starts))
    for got, want in zip(results, packed_oracle(a, u, init, starts), strict=True):
        assert error(got, want) < 1e-14


@pytest.mark.parametrize("starts", [[0, 200, 100, 300], [-5, 40, 300], [0, 10, 2**62], [0, 301], [300, 0]])
def test_packed_sequences_in_disorder_are_an_error(starts):
    """The status says so, and no output is touched."""
    a, u = np.full((2, 300, 32), 0.5)
    call = compiled("packed", "f64", "sequential").bind(
        "packed", dict(A=a, u=u, init=np.ones((len(starts) - 1, 32)), starts=starts))
    for output in call.outputs:
        output[:] = -7
    with pytest.raises(RuntimeError, match="an assertion of the program does not hold"):
        call()
    assert all(np.all(output == -7) for output in call.outputs)


def test_packed_sequences_need_one_bound_more_than_states():
    a, u = np.full((2, 300, 32), 0.5)
    with pytest.raises(RuntimeError, match="an assertion of the program does not hold"):
        compiled("packed", "f64", "sequential").call("packed", dict(A=a, u=u, init=np.ones((2, 32)), starts=[0, 300]))


def test_run_prints_one_line_for_each_strategy():
    done = subprocess.run([sys.executable, zoo.FOLDER / "run.py", "--build-dir", BUILD, "--length=30", "hgrn"],
                          capture_output=True, text=True, check=True)
    assert [line.split()[:2] for line in done.stdout.splitlines()[-2:]] == [["hgrn", s] for s in legal("hgrn")]


def facts(file):
    """Per function, in order: (A, B, C) of its recurrences; None for other ops."""
    printed = tool("ssm-opt", zoo.FOLDER / f"{file}.mlir", "--ssm-annotate-facts").stdout
    found = {}
    for part in re.split(r"(?=func\.func )", printed)[1:]:
        name = re.match(r"func\.func (?:private )?@(\w+)", part)[1]
        dicts = re.findall(r"ssm\.facts = \{(.*?)\}", part)
        found[name] = [tuple(re.search(rf'\b{k} = "(\w+)"', d)[1] for k in ("transition", "input", "output")) for d in dicts]
    return found


def rows():
    """The first table of examples/models/README.md: {function: {column: text}}."""
    lines = re.search(r"^\|.*?\n\n", (zoo.FOLDER / "README.md").read_text(), re.M | re.S)[0].splitlines()
    lines = [line for line in lines if line]
    table = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {re.search(r"`@(\w+)`", row[0])[1]: dict(zip(table[0], row, strict=True)) for row in table[2:]}


def test_readme_lists_every_function():
    files = sorted(p.stem for p in zoo.FOLDER.glob("*.mlir"))
    assert sorted(rows()) == sorted(n for f in files for n in zoo.functions(zoo.text_of(f)))


@pytest.mark.parametrize("name", rows())
def test_readme_states_facts(name):
    row = rows()[name]
    file = re.search(r"\((\w+)\.mlir\)", row["model"])[1]
    assert row["strategies"] == ", ".join(legal(file))
    for found in facts(file)[name]:
        assert (row["A"], row["B"], row["C"]) == found
    arguments, results = zoo.functions(zoo.text_of(file))[name]
    states = [t for t in results if re.match(r"tensor<\?x\d", t)]
    assert bool(states) == (row["states"] != "none")
