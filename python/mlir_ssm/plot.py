"""Pictures of the time-invariant parts of a program.

    python -m mlir_ssm.plot kernels   model.mlir --entry=f --inputs=f.npz -o kernels.png
    python -m mlir_ssm.plot attention model.mlir ...   two-sided kernels as matrices that act on time
    python -m mlir_ssm.plot poles     model.mlir ...   eigenvalues of the transitions
    python -m mlir_ssm.plot response  model.mlir ...   gain by frequency
    python -m mlir_ssm.plot error     model.mlir ...   of each strategy against float64, by the signal's length
    python -m mlir_ssm.plot strategy  model.mlir ...   the one that the compiler chooses, by the signal's length

The .npz file holds the function's arguments in their order (numpy.savez keeps it). The compiler extracts the parameters
(ssm-extract-systems); kernels are then computed in float64. Needs matplotlib. A recurrence whose parameters vary in
time has no kernel: an error that names the operand.

The errors are those of a function in float32 that is causal in time, run on the first steps of its signals; the
reference is the same program in float64, one step after another. Strategies are chosen for each op alone, with
parameters of which nothing is known; sizes known at run time only, other than time, count as 1.
"""

import argparse
import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from . import _ops
from ._compile import STRATEGIES, compile_text, core, encode
from ._recurrence import Form, plan_typed_recurrence

LETTERS = "abcdefghijklmnopqrsuvwxyz"  # t is time
PORTS = {"transition": "a", "signal": "u", "input": "b", "output": "c", "init": "init", "left": "p", "right": "q"}
LEGEND_ROWS = 8  # no legend for more kernels: the heat map tells them apart
COLORS = dict(zip(STRATEGIES[1:], ("tab:blue", "tab:green", "tab:orange", "tab:red")))


@dataclass
class System:
    """One recurrence or convolution: maps as letters, and the operands that do not vary in time, in float64."""

    title: str
    maps: dict
    given: dict
    about: dict

    @property
    def backward(self):
        return self.about["direction"] == "backward"

    def need(self, names, what):
        for name in names:
            if name in self.maps and name not in self.given:
                raise ValueError(f"{self.title}: {what} needs parameters that are the same at all times, but the "
                                 f"{name} varies in time")

    def matrix(self):
        """(letters, A), with the letters of row and column last, or the diagonal."""
        a, letters = self.given["transition"], self.maps["transition"]
        if "row" not in self.about:
            return letters, a
        row = letter(self.about["row"], self.about["time"])
        if "column" in self.about:
            column = letter(self.about["column"], self.about["time"])
            outer = letters.replace(row, "").replace(column, "")
            return outer + row + column, np.einsum(f"{letters}->{outer}{row}{column}", a)
        p, q = self.maps["left"], self.maps["right"]
        outer = "".join(dict.fromkeys(k for k in letters + p + q if k != row and k in self.maps["final"]))
        n = self.given["left"].shape[p.index(row)]
        low = np.einsum(f"{p},{q.replace(row, 'Z')}->{outer}{row}Z", self.given["left"], self.given["right"].conj())
        return outer + row + "Z", low + np.einsum(f"{letters},{row}Z->{outer}{row}Z", a, np.eye(n))

    def first_lag(self, length):
        """The lag of the first tap of kernel(length): a two-sided one starts in the future."""
        if self.about["direction"] != "two_sided":
            return 0
        return -min(self.given["kernel"].shape[self.maps["kernel"].index("t")] // 2, length - 1)

    def kernel(self, length):
        """K[channel, lag], for lags below `length` on each side that the kernel has."""
        if "kernel" in self.given:
            word = self.maps["kernel"]
            k = np.moveaxis(self.given["kernel"], word.index("t"), -1)
            middle = k.shape[-1] // 2 if self.about["direction"] == "two_sided" else 0
            k = k[..., middle + self.first_lag(length):middle + length]
            return k.reshape(-1, k.shape[-1])
        self.need(("transition", "input", "output", "left", "right"), "a kernel")
        letters, a = self.matrix()
        mixes = "row" in self.about
        b = self.given.get("input", np.ones(()))
        c = self.given.get("output", np.ones(()))
        maps = [self.maps.get("input", ""), self.maps.get("output", "")]
        final, shared = self.maps["final"], set("".join([letters, *maps]))
        state = "".join(k for k in final if k in shared)
        state += "".join(k for k in dict.fromkeys(maps[0]) if k not in state)
        ports = self.maps["result"] + self.maps["signal"]
        out = "".join(k for k in dict.fromkeys(ports) if k in shared and k != "t")
        sizes = {k: n for word, x in zip([letters, *maps], (a, b, c)) for k, n in zip(word, x.shape)}
        x = np.einsum(f"{maps[0]}{''.join(',' + k for k in state)}->{state}", b, *(np.ones(sizes[k]) for k in state))
        taps = []
        for _ in range(length):
            taps.append(np.einsum(f"{maps[1]},{state}->{out}", c, x))
            if mixes:
                x = np.einsum(f"{letters},{state.replace(letters[-2], letters[-1])}->{state}", a, x)
            else:
                x = np.einsum(f"{letters},{state}->{state}", a, x)
        k = np.stack(taps, -1).reshape(-1, length)
        projection = self.about["projection"]
        k = k if projection == "none" else k.real * (2 if projection == "twice_real" else 1)
        if self.about["read"] == "before":
            k = np.concatenate([np.zeros((len(k), 1)), k[:, :-1]], axis=1)
        return k

    def estimates(self, length):
        """(the strategy that the compiler chooses for signals of so many steps, {candidate: its estimate in seconds})."""
        explain = self.plan(length).explain
        found = {name: float(number) * {"us": 1e-6, "ms": 1e-3}[unit]
                 for name, number, unit in re.findall(r"(\w+) ([\d.]+) (us|ms)", explain)}
        return explain.split(": ", 1)[1].split(" ", 1)[0], found

    def plan(self, length):
        """The kernel of this op alone."""
        about = self.about
        sizes = {letter(i, about["time"]): length if i == about["time"] else max(n, 1) if n else 0
                 for i, n in enumerate(about["sizes"])}
        like = {name: _ops.Spec(tuple(sizes[k] for k in word), _ops.dtype_of(e))
                for (name, word), e in zip(self.maps.items(), about["elements"])}
        if "kernel" in self.maps:
            op = _ops.Convolution((self.maps["signal"], self.maps["kernel"]), self.maps["result"], about["direction"],
                                  "auto", about["numerics"])
            return op.plan([like["signal"], like["kernel"]])
        names = [(PORTS[name], name) for name in self.maps if name in PORTS]
        maps = {n: self.maps[name] for n, name in names}
        keywords = {n: name for n, name in names if n not in "pq"}
        mixing = tuple((k, letter(about[k], about["time"])) for k in ("row", "column") if k in about)
        form = Form("plot", list(maps), keywords, "".join(sizes), maps, dict.fromkeys(maps), self.maps["result"],
                    self.maps["final"], sizes, about["projection"], self.backward, about["read"], mixing,
                    returns_final=bool(about["final_used"]))
        types = dict(zip(self.maps, about["elements"]))
        return plan_typed_recurrence(form, [like[name] for _, name in names], {n: types[name] for n, name in names},
                                     (types["result"], types["final"]), "auto", about["numerics"])

    def poles(self):
        if "transition" not in self.maps:
            raise ValueError(f"{self.title}: a convolution has no poles; draw its kernels or its response")
        self.need(("transition", "left", "right"), "a pole")
        _, a = self.matrix()
        return (np.linalg.eigvals(a) if "row" in self.about else a).ravel()


def letter(dim, time):
    return "t" if dim == time else LETTERS[dim]


def systems(path, entry, arguments):
    """The Systems of a function of a file, given its arguments in order."""
    text = encode(Path(path).read_bytes().decode("utf-8", "surrogateescape"))
    rewritten, described = core().extract_systems(text, str(path), entry)
    described = json.loads(described)
    if not described:
        raise ValueError(f"{entry}: expected an ssm.linear_recurrence or ssm.long_conv, but it has none; a nonlinear "
                         "recurrence has no kernel")
    found, values = [], ()
    if any(n >= 0 for about in described for n in about["results"]):
        values = compile_text(rewritten, str(path), entry=entry + "_systems", threads=1)(*arguments)
        values = values if isinstance(values, tuple) else (values,)
    for i, about in enumerate(described):
        words = ["".join(letter(d, about["time"]) for d in dims) for dims in about["maps"]]
        given = {name: wide(values[n]) for name, n in zip(about["operands"], about["results"]) if n >= 0}
        side = {"forward": "", "backward": ", backward", "two_sided": ", two-sided"}[about["direction"]]
        title = f"{about['op']} {i}{side}"
        found.append(System(title, dict(zip(about["operands"], words)), given, about))
    return found


def wide(x):
    return x.astype(complex if np.iscomplexobj(x) else float)


# Pictures: each draws a list of systems on a new figure.


def draw_kernels(plt, found, options):
    figure, axes = plt.subplots(len(found), 2, figsize=(11, 3.4 * len(found)), layout="constrained", squeeze=False)
    for (left, right), system in zip(axes, found):
        k = system.kernel(options.length).real
        first = system.first_lag(options.length)
        lags = first + np.arange(k.shape[-1])
        for i, row in enumerate(k):
            left.plot(lags, row, color=plt.get_cmap("viridis")(0.9 * i / max(len(k) - 1, 1)), linewidth=0.9,
                      label=f"channel {i}")
        if len(k) <= LEGEND_ROWS:
            left.legend(frameon=False)
        lag = "lag (steps into the future)" if system.backward else "lag (steps)"
        left.set(title=f"Kernels of {system.title}", xlabel=lag, ylabel="K[l], real part")
        most = np.abs(k).max() or 1
        image = right.imshow(k, aspect="auto", cmap="RdBu_r", vmin=-most, vmax=most, interpolation="nearest",
                             extent=(first - 0.5, first + k.shape[-1] - 0.5, len(k) - 0.5, -0.5))
        right.set(title=f"{len(k)} channels", xlabel=lag, ylabel="channel")
        right.yaxis.get_major_locator().set_params(integer=True)
        figure.colorbar(image, ax=right, label="K[l], real part")
    return figure


def draw_attention(plt, found, options):
    """The kernels of all recurrences, averaged over channels: y = M u, one panel for each and one for their sum."""
    n = options.length
    lags = np.subtract.outer(np.arange(n), np.arange(n))
    panels = []
    for system in found:
        k = system.kernel(n).real.mean(0)
        tap = (-lags if system.backward else lags) - system.first_lag(n)
        tap[(tap < 0) | (tap >= len(k))] = len(k)
        panels.append((system.title, np.append(k, 0)[tap]))
    if len(panels) > 1:
        panels.append(("their sum", sum(m for _, m in panels)))
    figure, axes = plt.subplots(1, len(panels), figsize=(4.6 * len(panels), 4.2), layout="constrained", squeeze=False)
    for axis, (title, m) in zip(axes[0], panels):
        most = np.abs(m).max() or 1
        image = axis.imshow(m, cmap="RdBu_r", vmin=-most, vmax=most, interpolation="nearest")
        axis.set(title=title, xlabel="time of the signal (steps)", ylabel="time of the output (steps)")
        figure.colorbar(image, ax=axis, label="weight, mean of channels", shrink=0.8)
    return figure


def draw_poles(plt, found, _):
    figure, axes = plt.subplots(1, len(found), figsize=(5 * len(found), 5), layout="constrained", squeeze=False)
    circle = np.exp(2j * np.pi * np.linspace(0, 1, 400))
    for axis, system in zip(axes[0], found):
        poles = system.poles()
        axis.plot(circle.real, circle.imag, color="0.6", linewidth=0.8)
        axis.plot(poles.real, poles.imag, "x", markersize=5)
        axis.axhline(0, color="0.85", linewidth=0.6)
        axis.axvline(0, color="0.85", linewidth=0.6)
        axis.set(title=f"Poles of {system.title}", xlabel="real part", ylabel="imaginary part", aspect="equal")
        axis.text(0.02, 0.02, f"{len(poles)} poles, largest |a| = {np.abs(poles).max():.6g}",
                  transform=axis.transAxes, fontsize=8)
    return figure


def draw_response(plt, found, options):
    figure, axes = plt.subplots(len(found), 1, figsize=(9, 3.6 * len(found)), layout="constrained", squeeze=False)
    for (axis,), system in zip(axes, found):
        k = system.kernel(options.length)
        points = 4 * options.length
        gain = np.abs(np.fft.fft(k, points)[:, :points // 2 + 1])
        for i, row in enumerate(gain):
            axis.plot(np.arange(len(row)) / points, 20 * np.log10(np.maximum(row, 1e-12)), linewidth=0.9,
                      color=plt.get_cmap("viridis")(i / max(len(gain) - 1, 1)))
        axis.set(title=f"Frequency response of {system.title}, kernel of {options.length} taps",
                 xlabel="frequency (cycles per step)", ylabel="gain (dB)", xlim=(0, 0.5))
    return figure


def draw_strategy(plt, found, options):
    lengths = [n for n in 2 ** np.arange(4, 21) if n <= options.length]
    if not lengths:
        raise ValueError(f"--length: expected at least 16 steps, but it is {options.length}")
    figure, axes = plt.subplots(len(found), 1, figsize=(9, 4 * len(found)), layout="constrained", squeeze=False)
    for (axis,), system in zip(axes, found):
        judged = [system.estimates(int(n)) for n in lengths]
        for name in COLORS:
            points = [(n, e[name]) for n, (_, e) in zip(lengths, judged) if name in e]
            won = [(n, e[name]) for n, (winner, e) in zip(lengths, judged) if winner == name]
            if points:
                axis.plot(*zip(*points), color=COLORS[name], linewidth=1.2, label=name)
            if won:
                axis.plot(*zip(*won), "o", color=COLORS[name], markersize=8)
        axis.set(title=f"{system.title}: estimates, and the chosen strategy (dots)", xlabel="steps of the signal",
                 ylabel="estimated time (s)")
        axis.set_xscale("log", base=2)
        axis.set_yscale("log")
        axis.grid(alpha=0.3)
        axis.legend()
    return figure


def errors(text, name, entry, arguments):
    """(lengths, {strategy: the norm-wise error of the results at each}) of a function on its first steps."""
    if "f32" not in text:
        raise ValueError(f"{name}: expected a program in f32, whose reference is the same text in f64")
    _, ports = core().derive_step(encode(text), name, entry, 0)
    time = {port["ssm.argument"]: port["ssm.time"] for port in json.loads(ports)["start"]["inputs"] if "ssm.time" in port}
    if not time or len(arguments) <= max(time):
        raise ValueError(f"--inputs: expected an array for each argument of {entry}, but there are {len(arguments)}")
    total = min(arguments[i].shape[d] for i, d in time.items())
    lengths = [n for n in 2 ** np.arange(4, 21) if n <= total]
    if not lengths:
        raise ValueError(f"--inputs: expected signals of at least 16 steps, but they have {total}")
    # What the text widens to f64 is that already.
    double = re.sub(r"arith\.(?:ext|trunc)f (%\w+) : f64 to f64", r"arith.bitcast \1 : f64 to f64",
                    text.replace("f32", "f64"))
    exact = compile_text(double, name, entry=entry, strategy="sequential", threads=1)
    cases = [[np.take(x, range(n), time[i]) if i in time else x for i, x in enumerate(arguments)] for n in lengths]
    wanted = [joined(exact(*map(wide_as_is, case))) for case in cases]
    found = {}
    for strategy in STRATEGIES[1:]:
        try:
            f = compile_text(text, name, entry=entry, strategy=strategy, threads=1)
        except ValueError:  # cannot compute this
            continue
        found[strategy] = [np.linalg.norm(joined(f(*case)) - w) / np.linalg.norm(w) for case, w in zip(cases, wanted)]
    return lengths, found


def wide_as_is(x):
    """x in 64 bits; integers stay what they are."""
    return wide(x) if x.dtype.kind in "fc" else x


def joined(results):
    """All numbers of a function's results in a row."""
    return np.concatenate([wide(x).ravel() for x in (results if isinstance(results, tuple) else (results,))])


def draw_error(plt, lengths, found, title):
    figure, axis = plt.subplots(figsize=(9, 4.5), layout="constrained")
    for i, (name, values) in enumerate(found.items()):  # what lies below shows
        axis.plot(lengths, values, "o-", color=COLORS[name], linewidth=5 - 1.2 * i, markersize=9 - 2 * i,
                  label=name)
    axis.axhline(2**-24, color="0.5", linestyle="--", linewidth=0.9, label="half a rounding of float32")
    axis.set(title=f"Error of {title} in float32, by strategy", xlabel="steps of the signal",
             ylabel="norm of the error / norm of the result")
    axis.set_xscale("log", base=2)
    axis.set_yscale("log")
    axis.grid(alpha=0.3)
    axis.legend()
    return figure


PICTURES = {"kernels": draw_kernels, "attention": draw_attention, "poles": draw_poles, "response": draw_response,
            "strategy": draw_strategy}


def main(argv=None):
    parser = argparse.ArgumentParser(prog="python -m mlir_ssm.plot", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("picture", choices=[*PICTURES, "error"])
    parser.add_argument("model", type=Path, help="a file of MLIR text")
    parser.add_argument("--entry", default="f", help="the function (default f)")
    parser.add_argument("--inputs", type=Path, required=True, help=".npz with the function's arguments in order")
    parser.add_argument("--length", type=int, help="lags (default 256); the longest signal of `strategy` (default 65536)")
    parser.add_argument("-o", "--output", type=Path, required=True, help="a .png or .svg file")
    options = parser.parse_args(argv)
    try:
        if options.output.suffix not in (".png", ".svg"):
            raise ValueError(f"--output: expected a .png or .svg file, but it is {options.output}")
        options.length = options.length or (65536 if options.picture == "strategy" else 256)
        if not 1 <= options.length <= 2**20:
            raise ValueError(f"--length: expected a number from 1 to 2^20, but it is {options.length}")
        try:
            import matplotlib
        except ImportError:
            raise ValueError("pictures need matplotlib; install it with pip install matplotlib") from None
        matplotlib.use("Agg")
        import matplotlib.pyplot as plt
        with np.load(options.inputs) as file:
            arguments = [file[name] for name in file.files]
        if options.picture == "error":
            text = options.model.read_text(encoding="utf-8", errors="surrogateescape")
            figure = draw_error(plt, *errors(text, str(options.model), options.entry, arguments), f"@{options.entry}")
        else:
            found = systems(options.model, options.entry, arguments)
            figure = PICTURES[options.picture](plt, found, options)
        figure.savefig(options.output, dpi=120)
        plt.close(figure)
    except (ValueError, TypeError, OSError) as error:
        print(f"plot: error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
