"""The language model of examples/generate: the compiled program against its equations in float64, the step against it."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import BUILD

import mlir_ssm as ssm

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "generate"
sys.path.insert(0, str(FOLDER))
import generate  # noqa: E402
from model import HELD_BACK, LAYERS, LICENSES, SHAPES, WEIGHTS, read  # noqa: E402

needs_text = pytest.mark.skipif(not (LICENSES / HELD_BACK).exists(), reason="this system has no licenses to read")


@pytest.fixture(scope="module")
def model():
    return generate.Model(ssm)


def exact_logits(text):
    with np.load(WEIGHTS) as file:
        w = {name: file[name].astype(float) for name in SHAPES}

    def norm(x, scale, shift):
        x = x - x.mean(-1, keepdims=True)
        return x / np.sqrt((x * x).mean(-1, keepdims=True) + 1e-5) * scale + shift

    def sigmoid(x):
        return 1 / (1 + np.exp(-x))

    x = w["embedding"][text]
    for i in range(LAYERS):
        n = norm(x, w["scale"][i], w["shift"][i])
        a = -np.exp(w["log_decay"][i]) + 1j * w["frequency"][i]
        abar = np.exp(np.exp(w["log_step"][i])[:, None] * a)
        bbar = (abar - 1) / a
        c = w["c_re"][i] + 1j * w["c_im"][i]
        s, h = np.empty_like(n), np.zeros(a.shape, complex)
        for t, u in enumerate(n):
            h = abar * h + bbar * u[:, None]
            s[t] = 2 * (c * h).sum(1).real + w["skip"][i] * u
        s *= sigmoid(s)
        x = x + (s @ w["value"][i] + w["value_bias"][i]) * sigmoid(s @ w["gate"][i] + w["gate_bias"][i])
    return norm(x, w["last_scale"], w["last_shift"]) @ w["logits"]


@needs_text
def test_likelihood_of_a_held_back_text(model):
    text = read(HELD_BACK)[:400]
    exact = generate.log_likelihoods(exact_logits(text), text)
    assert -3 < exact.mean() < -1  # 4.6 without any training
    for name, found in generate.compare(model, len(text)).items():
        assert np.abs(found - exact).max() <= 1e-4, name


def test_step_goes_on_where_the_prompt_ends(model):
    rng = np.random.default_rng(0)
    written = "".join(generate.write(model, "The license", 40, 0.5, rng))
    whole = model.logits(generate.encode("The license" + written))
    rng = np.random.default_rng(0)
    again = [generate.sample(logits, 0.5, rng) for logits in whole[len("The license") - 1:-1]]
    assert generate.decode(again) == written


@pytest.mark.parametrize("flag,message", [
    ("--prompt=é", "knows the printable characters of ASCII"), ("--prompt=", "at least one character"),
    ("--temperature=0", "a number above 0")])
def test_wrong_arguments(flag, message):
    done = subprocess.run([sys.executable, FOLDER / "generate.py", f"--build-dir={BUILD}", flag], capture_output=True,
                          text=True)
    assert done.returncode == 2 and message in done.stderr


def test_weights_are_small():
    assert WEIGHTS.stat().st_size < 2_000_000
