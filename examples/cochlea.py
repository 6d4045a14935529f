#!/usr/bin/env python3
"""Runs examples/cochlea.mlir on a recording of a speaker: `make demo`.

    cochlea.py [--build-dir build] [--sound x.wav] [--threads N]

Compiles one program in three ways, compares times and results with each other
and with float64, and draws what the 64 oscillators hear and their kernels.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import wave
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

MODEL = Path(__file__).with_name("cochlea.mlir")
SOUND = "/usr/share/sounds/alsa/Front_Center.wav"
STRATEGIES = ["fft_conv", "tree_scan", "sequential"]
CHANNELS, LOWEST, HIGHEST = 64, 60.0, 8000.0
REPEATS = 20


def read_sound(path):
    """(samples in [-1, 1) as f32, samples per second) of a 16-bit mono file."""
    with wave.open(str(path)) as file:
        if (file.getnchannels(), file.getsampwidth()) != (1, 2):
            sys.exit(f"cochlea: {path} must be 16-bit mono, found {8 * file.getsampwidth()}-bit, "
                     f"{file.getnchannels()} channels")
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        return samples.astype(np.float32) / 32768, file.getframerate()


def parameters(rate):
    """(frequencies in Hz, nu, theta) of the bank.

    A channel is half as wide as a band of human hearing, its equivalent
    rectangular bandwidth (Glasberg and Moore 1990); the damping for a
    half-power width of b Hz is pi b per second.
    """
    hertz = np.geomspace(LOWEST, HIGHEST, CHANNELS)
    bandwidth = 24.7 * (4.37e-3 * hertz + 1) / 2
    nu = np.log(np.pi * bandwidth / rate)
    theta = np.log(2 * np.pi * hertz / rate)
    return hertz, nu.astype(np.float32), theta.astype(np.float32)


def reference(lam, gamma, sound):
    """The recurrence in float64, as it is written."""
    lam, gamma, sound = lam.astype(complex), gamma.astype(float), sound.astype(float)
    states = np.empty((len(sound), len(lam)), complex)
    x = np.zeros(len(lam), complex)
    for t, u in enumerate(sound):
        states[t] = x = lam * x + gamma * u
    return states


class Program:
    """One MLIR file and the tool that compiles and runs it."""

    def __init__(self, build_dir, model, folder):
        self.tool, self.model, self.folder = build_dir / "bin" / "ssm-run", model, Path(folder)

    def run(self, entry, *inputs, results=1, options=()):
        """(results of @entry, the finished process)"""
        command = [self.tool, self.model, f"--entry={entry}", *options]
        for i, array in enumerate(inputs):
            np.save(self.folder / f"in{i}.npy", array)
            command += ["--input", self.folder / f"in{i}.npy"]
        outputs = [self.folder / f"out{i}.npy" for i in range(results)]
        for path in outputs:
            command += ["--output", path]
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"cochlea: {' '.join(map(str, command))} failed:\n{done.stderr}")
        return [np.load(path) for path in outputs], done


def difference(a, b):
    """|a - b| / |b| over the whole array."""
    return np.linalg.norm((a.astype(complex) - b).ravel()) / np.linalg.norm(b.ravel())


def print_table(states, times, exact):
    """Times of each strategy, and its distance from float64 and the others."""
    print(f"\n{'strategy':<12}{'min ms':>9}{'median ms':>11}   L2 distance from {'float64':>10}"
          + "".join(f"{name:>12}" for name in states))
    for name, result in states.items():
        row = [difference(result, exact), *(difference(result, other) for other in states.values())]
        print(f"{name:<12}{1e3 * times[name]['min_s']:>9.2f}{1e3 * times[name]['median_s']:>11.2f}"
              f"{'':20}{row[0]:>10.1e}" + "".join(f"{d:>12.1e}" for d in row[1:]))


STYLE = {"font.size": 11, "axes.titlesize": 13, "axes.titleweight": "bold", "axes.titlelocation": "left",
         "axes.spines.top": False, "axes.spines.right": False, "figure.dpi": 150}
TICKS = [60, 125, 250, 500, 1000, 2000, 4000, 8000]


def frequency_axis(axis):
    axis.set_yscale("log")
    axis.set_yticks(TICKS, [f"{f}" if f < 1000 else f"{f // 1000} k" for f in TICKS])
    axis.yaxis.set_minor_locator(matplotlib.ticker.NullLocator())
    axis.set_ylabel("frequency (Hz)")


def draw_cochleagram(path, title, states, sound, hertz, rate):
    """The level of every channel over time, under the sound itself."""
    window = rate // 500  # 2 ms
    columns = len(sound) // window
    power = np.abs(states[: columns * window]) ** 2
    level = power.reshape(columns, window, -1).mean(axis=1)
    decibel = 10 * np.log10(level / level.max() + 1e-12)
    seconds = np.arange(columns + 1) * window / rate
    step = np.sqrt(hertz[1] / hertz[0])
    edges = np.append(hertz / step, hertz[-1] * step)

    figure, (top, main) = plt.subplots(
        2, 1, figsize=(11, 6.4), sharex=True, layout="constrained", height_ratios=[1, 4.5])
    top.plot(np.arange(len(sound)) / rate, sound, color="#3b0f70", linewidth=0.4)
    top.set_ylabel("sound")
    top.set_yticks([0])
    top.set_title(f"Cochleagram of {title}, heard by {len(hertz)} damped complex oscillators")
    image = main.pcolormesh(seconds, edges, decibel.T, cmap="magma", vmin=-50, vmax=0, rasterized=True)
    frequency_axis(main)
    main.set_xlabel("time (s)")
    main.set_xlim(0, seconds[-1])
    bar = figure.colorbar(image, ax=main, pad=0.01, aspect=30)
    bar.set_label("mean |x|² over 2 ms (dB re maximum)")
    figure.savefig(path)
    plt.close(figure)


def draw_kernels(path, kernels, hertz, rate):
    """Every kernel as a line at its frequency, over time on a log axis."""
    lags = np.arange(1, kernels.shape[1])
    milliseconds = 1e3 * lags / rate
    colors = plt.get_cmap("viridis")(np.linspace(0, 0.92, len(hertz)))
    spacing = hertz[1] / hertz[0]
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(11, 9), sharey=True, layout="constrained", width_ratios=[2.2, 1])
    for kernel, f, color in zip(kernels, hertz, colors):
        shape = kernel.real[1:] / np.abs(kernel[0])
        left.plot(milliseconds, f * spacing ** (1.2 * shape), color=color, linewidth=0.9)
    left.set_xscale("log")
    left.set_xlim(milliseconds[0], milliseconds[-1])
    left.set_xticks([0.1, 1, 10], ["0.1", "1", "10"])
    left.set_xlabel("time after the click (ms)")
    left.set_title("The 64 kernels: real part of γ λˡ, scaled to its peak")
    frequency_axis(left)

    padded = 16 * kernels.shape[1]
    bins = np.arange(1, padded // 4) * rate / padded
    for kernel, color in zip(kernels, colors):
        response = np.abs(np.fft.fft(kernel, padded)[1 : len(bins) + 1])
        right.plot(20 * np.log10(response / response.max()), bins, color=color, linewidth=0.8)
    right.set_xlim(-20, 0.5)
    right.set_xlabel("gain (dB re peak)")
    right.set_title("Their spectra")
    right.set_ylim(LOWEST / 1.3, HIGHEST * 1.3)
    figure.savefig(path)
    plt.close(figure)


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build-dir", type=Path, default=Path("build"))
    parser.add_argument("--sound", type=Path, default=Path(SOUND))
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args(argv)
    out = args.build_dir / "demo"
    out.mkdir(parents=True, exist_ok=True)

    sound, rate = read_sound(args.sound)
    hertz, nu, theta = parameters(rate)
    print(f"{args.sound.name}: {len(sound)} samples, {len(sound) / rate:.2f} s at {rate} Hz, "
          f"through {CHANNELS} oscillators from {LOWEST:.0f} Hz to {HIGHEST:.0f} Hz")

    with tempfile.TemporaryDirectory() as folder:
        program = Program(args.build_dir, MODEL, folder)
        (lam, gamma), _ = program.run("oscillators", nu, theta, results=2)
        (kernels,), _ = program.run("kernels", nu, theta)
        threads = f"--threads={args.threads}"
        _, explained = program.run("cochlea", nu, theta, sound, options=["--explain", threads])
        print(f"\nThe compiler's choice:\n{(explained.stdout + explained.stderr).strip()}")
        states, times = {}, {}
        for name in STRATEGIES:
            options = [f"--strategy={name}", f"--time={REPEATS}", threads]
            (states[name],), timed = program.run("cochlea", nu, theta, sound, options=options)
            times[name] = json.loads(timed.stdout)
    print_table(states, times, reference(lam, gamma, sound))

    plt.rcParams.update(STYLE)
    draw_cochleagram(out / "cochleagram.png", args.sound.name, states["sequential"], sound, hertz, rate)
    draw_kernels(out / "kernels.png", kernels, hertz, rate)
    print(f"\nwrote {out / 'cochleagram.png'} and {out / 'kernels.png'}")


if __name__ == "__main__":
    main()
