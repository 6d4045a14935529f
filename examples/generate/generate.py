#!/usr/bin/env python3
"""Writes text with a small language model: `make generate`.

    generate.py [--build-dir build] [--prompt TEXT] [--length 600] [--temperature 0.5] [--seed 0]

Compiles model.mlir, derives its step, and lets the step read the prompt in chunks and then write one character after
another. Before that it compares the step with the parallel form on a license that the model has not seen.
"""

import argparse
import os
import sys
import time
from pathlib import Path

import numpy as np
from model import ALPHABET, HELD_BACK, LAYERS, PROGRAM, SHAPES, WEIGHTS, decode, encode, read

CHUNK = 64
COMPARED = 2000


class Model:
    """The compiled program with its weights: the parallel form, and the step."""

    def __init__(self, ssm, path=WEIGHTS):
        with np.load(path) as file:
            w = {name: file[name].astype(np.float32) for name in SHAPES}
        self.embedding = w["embedding"]
        a = -np.exp(w["log_decay"]) + 1j * w["frequency"]
        a, b = ssm.discretize(a, np.ones_like(a), np.exp(w["log_step"])[..., None])
        self.weights = [a, b, w["c_re"] + 1j * w["c_im"], w["skip"], w["scale"], w["shift"], w["value"],
                        w["value_bias"], w["gate"], w["gate_bias"], w["last_scale"], w["last_shift"], w["logits"]]
        self.parameters = sum(int(np.prod(shape)) for shape in SHAPES.values())
        self.parallel = ssm.compile(PROGRAM, entry="lm")
        self.step = ssm.derive_step(self.parallel, *self.weights, None)

    def logits(self, text):
        """Of the character after each of `text`, all at once."""
        return self.parallel(*self.weights, self.embedding[text])

    def stream(self, text, state, chunk=CHUNK):
        """The same, so many characters at a time, and the state after them."""
        parts = []
        for i in range(0, len(text), chunk):
            # One character without time: the program of a single step.
            logits, state = self.step(self.embedding[text[i:i + chunk] if chunk > 1 else text[i]], state)
            parts.append(np.atleast_2d(logits))
        return np.concatenate(parts), state


def log_likelihoods(logits, text):
    """log p of each character but the first, given those before."""
    logits = logits[:-1].astype(float)
    most = logits.max(-1, keepdims=True)
    log = logits - most - np.log(np.exp(logits - most).sum(-1, keepdims=True))
    return log[np.arange(len(log)), text[1:]]


def compare(model, count=COMPARED):
    """The log-likelihood of a text that was held back, by the parallel form, the step and chunks."""
    text = read(HELD_BACK)[:count]
    return {name: log_likelihoods(logits, text) for name, logits in (
        ("parallel", model.logits(text)),
        ("step by step", model.stream(text, model.step.init(), 1)[0]),
        (f"in chunks of {CHUNK}", model.stream(text, model.step.init())[0]))}


def sample(logits, temperature, rng):
    p = np.exp((logits - logits.max()).astype(float) / temperature)
    return rng.choice(len(ALPHABET), p=p / p.sum())


def write(model, prompt, length, temperature, rng):
    """Yields the characters that follow the prompt."""
    logits, state = model.stream(encode(prompt), model.step.init())
    logits = logits[-1]
    for _ in range(length):
        number = sample(logits, temperature, rng)
        yield decode([number])
        logits, state = model.step(model.embedding[number], state)


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build-dir", type=Path, default=Path("build"))
    parser.add_argument("--prompt", default="This program is free software; ")
    parser.add_argument("--length", type=int, default=600, help="characters to write (default 600)")
    parser.add_argument("--temperature", type=float, default=0.5)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(argv)
    if not options.prompt:
        parser.error("--prompt: expected at least one character")
    if options.temperature <= 0:
        parser.error(f"--temperature: expected a number above 0, but it is {options.temperature}")
    try:
        encode(options.prompt)
    except ValueError as error:
        parser.error(f"--prompt: {error}")
    sys.path.insert(0, os.fspath(options.build_dir / "python"))
    import mlir_ssm as ssm

    start = time.perf_counter()
    model = Model(ssm)
    print(f"{LAYERS} S4D blocks, {model.parameters} parameters, compiled in {time.perf_counter() - start:.1f} s")
    print(model.parallel.explain.splitlines()[0], end="\n\n")
    try:
        found = compare(model)
    except OSError as error:
        sys.exit(f"generate: {error}; the texts are those of Debian's package base-files")
    print(f"log-likelihood of {len(found['parallel'])} characters of {HELD_BACK}, which the model has not seen:")
    for name, each in found.items():
        print(f"  {name:<16} {each.mean():.6f} nats a character, differs from the parallel form by at most "
              f"{abs(each - found['parallel']).max():.1e} at one")
    print(f"\n{options.prompt}", end="", flush=True)
    start = time.perf_counter()
    for character in write(model, options.prompt, options.length, options.temperature,
                           np.random.default_rng(options.seed)):
        print(character, end="", flush=True)
    seconds = time.perf_counter() - start
    print(f"\n\n{options.length} characters in {seconds:.2f} s, {1e3 * seconds / max(options.length, 1):.2f} ms for each, the "
          "prompt included")


if __name__ == "__main__":
    main()
