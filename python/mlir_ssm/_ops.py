"""What mlir_ssm.jax and mlir_ssm.torch share: ops as hashable values, whose axes are letters, and their gradients."""

from dataclasses import dataclass
from typing import NamedTuple

import ml_dtypes
import numpy as np

from . import _text
from ._arrays import broadcast_letters, check_choice, check_widths, is_complex, make_complex, real
from ._compile import STRATEGIES, Plan
from ._conv import check_long_conv
from ._gradient import GradientProgram
from ._output_gradient import OutputGradient
from ._recurrence import (LETTERS, NUMERICS, Form, operand_elements, plan_recurrence, result_elements,
                          write_recurrence)
from ._scan import DTYPES

KEYWORDS = {"a": "transition", "u": "signal", "b": "input", "c": "output", "init": "init"}


@dataclass(frozen=True)
class Spec:
    """The shape and dtype of an array that is not there yet."""

    shape: tuple
    dtype: np.dtype

    @property
    def ndim(self):
        return len(self.shape)


def specs(operands):
    return [Spec(tuple(x.shape), np.dtype(x.dtype)) for x in operands]


def dtype_of(element):
    name = DTYPES[element]
    return np.dtype(ml_dtypes.bfloat16 if name == "bfloat16" else name)


def is_complex_dtype(dtype):
    return np.dtype(dtype).kind == "c"


def fresh_letter(used):
    return next(k for k in LETTERS if k not in used)


def bind_letters(maps, operands):
    """{letter: size} of operands with the axes `maps`."""
    return {k: n for letters, x in zip(maps, operands) for k, n in zip(letters, x.shape)}


class Recurrence(NamedTuple):
    """One recurrence; `names` are among a, u, b, c and init, and `maps` their letters."""

    names: tuple
    maps: tuple
    y: str
    final: str
    projection: str
    reverse: bool
    read: str
    mixing: tuple
    strategy: str
    numerics: str

    @property
    def spec(self):
        return f"{', '.join(f'{n}:{m}' for n, m in zip(self.names, self.maps))} -> {self.y}, {self.final}"

    @property
    def reads_results(self):
        """Whether its gradient does: where the results are the states."""
        return "c" not in self.names

    def form(self, operands):
        dims = "".join(dict.fromkeys(self.y + self.final + "".join(self.maps)))
        keywords = {n: KEYWORDS[n] for n in self.names}
        return Form("linear_recurrence", list(self.names), keywords, dims, dict(zip(self.names, self.maps)),
                    dict.fromkeys(self.names), self.y, self.final, bind_letters(self.maps, operands), self.projection,
                    self.reverse, self.read, self.mixing)

    def plan(self, operands):
        return plan_recurrence(self.form(operands), operands, self.strategy, self.numerics)

    def results(self, operands):
        form = self.form(operands)
        elements = result_elements(form, operand_elements(list(self.names), operands))
        return [(tuple(form.sizes[k] for k in letters), dtype_of(e))
                for letters, e in zip((self.y, self.final), elements)]

    def vjp(self, library, operands, results, cotangents, needed=None):
        """The cotangents of the operands, None for those with a False in `needed`; `library` says what an array is."""
        given = dict(zip(self.names, operands))
        maps = dict(zip(self.names, self.maps))
        dy, dfinal = cotangents
        sizes = bind_letters(self.maps, operands)
        wide = self.results(library.specs(operands))[1][1]
        stored = wide if is_complex_dtype(wide) else library.dtype(given["u"])
        outputs = set(maps.get("c", "")) - set(self.final) - {"t"}
        states = "".join(k for k in self.y if k not in outputs)
        states += "".join(k for k in self.final if k not in states)
        asked = [n for n, need in zip(self.names, needed or [True] * len(self.names)) if need]
        if "c" in given:
            through = OutputGradient(self, library, operands, cotangents, sizes, states)
            if through.suits(asked):
                grads = through.cotangents(asked)
                return tuple(grads.get(n) for n in self.names)
        row, column = (dict(self.mixing).get(word) for word in ("row", "column"))
        across = states.replace(row, column) if row else states
        if self.projection == "twice_real":
            dy = 2 * dy

        def sum_to(name, *factors):
            return library.product(maps[name], sizes, library.dtype(given[name]), *factors)

        # v, what the outputs pull at the states, and p; see lib/Transforms/GradientOfRecurrence.cpp.
        conj = {n: library.conj(x) for n, x in given.items()}
        factors = [(self.y, dy)] + ([(maps["c"], conj["c"])] if "c" in given else [])
        pull = library.product(states, sizes, stored, *factors)
        transposed = maps["a"].translate(str.maketrans({row: column, column: row})) if row else maps["a"]
        names, letters, back = ["a", "u"], [transposed, states], [conj["a"], pull]
        if self.read == "after" and row:
            back[1] = library.product(across, sizes, stored, (maps["a"], conj["a"]), (states, pull))
        elif self.read == "after":
            names.append("b"), letters.append(transposed), back.append(conj["a"])
        names.append("init"), letters.append(self.final)
        back.append(library.product(self.final, sizes, wide, (self.final, dfinal)))
        against = self._replace(names=tuple(names), maps=tuple(letters), y=states, final=self.final, projection="none",
                                reverse=not self.reverse, read="before")
        ahead, first = library.run(against, *back)
        g = pull + ahead if self.read == "after" else ahead

        def states_read(read):
            if "c" not in given and read == self.read:
                return results[0]
            if "c" not in given and read == "before" and sizes["t"]:  # the outputs one step later, from init
                t = states.index("t")
                start = library.product(states, sizes | {"t": 1}, stored, (self.final, first_state()))
                later = slice(1, None) if self.reverse else slice(0, -1)
                parts = [start, results[0][(slice(None),) * t + (later,)]]
                return library.concatenate(parts[::-1] if self.reverse else parts, t)
            kept = [n for n in self.names if n != "c"]
            op = self._replace(names=tuple(kept), maps=tuple(maps[n] for n in kept), y=states, projection="none",
                               read=read)
            return library.run(op, *(given[n] for n in kept))[0]

        def first_state():
            if "init" in given:
                return library.product(self.final, sizes, wide, (maps["init"], given["init"]))
            return 0 * dfinal

        drive = [(maps["b"], conj["b"])] if "b" in given else []
        grads = {"a": lambda: sum_to("a", (states, g), (across, library.conj(states_read("before")))),
                 "u": lambda: sum_to("u", (states, g), *drive),
                 "b": lambda: sum_to("b", (states, g), (maps["u"], conj["u"])),
                 "c": lambda: sum_to("c", (self.y, dy), (states, library.conj(states_read(self.read)))),
                 "init": lambda: sum_to("init", (self.final, first))}
        return tuple(grads[n]() if n in asked else None for n in self.names)

    def jvp(self, library, operands, tangents):
        """The tangents of the results, from those of the operands, None for zero; each is a recurrence of its own."""
        given, moving = dict(zip(self.names, operands)), dict(zip(self.names, tangents))
        maps = dict(zip(self.names, self.maps))
        sizes = bind_letters(self.maps, operands)

        def run(op, **changed):
            now = {n: changed.get(n, x) for n, x in given.items() if changed.get(n, x) is not None}
            op = op._replace(names=tuple(now), maps=tuple(maps[n] for n in now))
            return library.run(op, *now.values())
        parts = []
        if moving["u"] is not None:
            parts.append(run(self, u=moving["u"], init=None))
        if moving.get("b") is not None:
            parts.append(run(self, b=moving["b"], init=None))
        if moving.get("init") is not None:
            parts.append(run(self, u=0 * given["u"], init=moving["init"]))
        if moving.get("c") is not None:
            y, final = run(self, c=moving["c"])
            parts.append((y, 0 * final))
        if moving["a"] is not None:
            outputs = set(maps.get("c", "")) - set(self.final) - {"t"}
            states = "".join(k for k in self.y if k not in outputs)
            states += "".join(k for k in self.final if k not in states)
            before, final = run(self._replace(y=states, projection="none", read="before"), c=None)
            row, column = (dict(self.mixing).get(word) for word in ("row", "column"))
            across = states.replace(row, column) if row else states
            drive = library.product(states, sizes, library.dtype(before), (maps["a"], moving["a"]), (across, before))
            maps["u"] = states
            parts.append(run(self, u=drive, b=None, init=None))
        ys, finals = zip(*parts)
        return sum(ys[1:], ys[0]), sum(finals[1:], finals[0])

    def batch(self, flags):
        """The op with one axis more in front of the operands with a flag, and of the results that depend on one."""
        k = fresh_letter(self.y + self.final + "".join(self.maps))
        maps = tuple(k + m if flag else m for m, flag in zip(self.maps, flags))
        in_state = any(flag for n, flag in zip(self.names, flags) if n != "c")
        return self._replace(maps=maps, y=k + self.y, final=k + self.final if in_state else self.final)


class RecurrenceGradient(NamedTuple):
    """The gradient of a diagonal recurrence of real numbers: of its operands and the cotangents of its two results. One
    kernel, where `vjp` of the recurrence is made of several."""

    op: Recurrence

    reads_results = False

    def suits(self, operands):
        """Whether there is such a kernel for operands of the recurrence, and it is the faster way: not for a parameter
        that is one number, nor along contiguous time for one that does not vary."""
        varies = all("t" in letters for name, letters in zip(self.op.names, self.op.maps) if name in "ab")
        return (not self.op.mixing and "c" not in self.op.names and (varies or self.op.y[-1] != "t") and
                all(x.dtype in (np.float32, np.float64) and x.ndim and 0 not in x.shape for x in operands))

    def plan(self, operands):
        count = len(self.op.names)
        form, operands = self.op.form(operands), operands[:count]
        elements = operand_elements(form.names, operands)
        program = write_recurrence(form, operands, elements, result_elements(form, elements), self.op.numerics)
        return Plan(GradientProgram(program), self.op.strategy, [None] * (count + 2))

    def results(self, operands):
        return [(x.shape, x.dtype) for x in operands[:-2]]

    def batch(self, flags=None):
        """The op with one axis more in front of every operand: of one that all share each has a gradient of its own."""
        return self._replace(op=self.op.batch([True] * len(self.op.names)))


class Convolution(NamedTuple):
    """y_t = sum_l k_l u_{t-l}, backward k_l u_{t+l}, or two-sided with lag 0 in the middle of an odd number of taps; maps
    of u and k, whose 't' is the lag."""

    maps: tuple
    y: str
    direction: str
    strategy: str
    numerics: str

    reads_results = False

    @property
    def spec(self):
        return f"u:{self.maps[0]}, k:{self.maps[1]} -> {self.y}"

    def result(self, operands):
        elements = check_widths("uk", operands)
        part = real(elements[0])
        sizes = bind_letters(self.maps[::-1], operands[::-1])  # t is the signal's
        return [sizes[k] for k in self.y], make_complex(part, "u") if any(map(is_complex, elements)) else part

    def plan(self, operands):
        program = _text.Program("long_conv")
        values = [program.argument(name, x.shape, e)
                  for name, x, e in zip("uk", operands, check_widths("uk", operands))]
        result = _text.tensor(*self.result(operands))
        value = _text.long_conv(program, self.y, *values, [*self.maps, self.y], result,
                                [f"direction = #ssm.direction<{self.direction}>",
                                 f"numerics = #ssm.numerics<{self.numerics}>"])
        program.result(value, result)
        return Plan(program, self.strategy, [None] * 2)

    def results(self, operands):
        shape, e = self.result(operands)
        return [(tuple(shape), dtype_of(e))]

    def vjp(self, library, operands, _, cotangents, needed=(True, True)):
        u, k = operands
        (dy,) = cotangents
        u_map, k_map = self.maps
        sizes = dict(zip(self.y, dy.shape))
        lag = k_map.index("t")
        taps = k.shape[lag]
        reversed_ = {"forward": "backward", "backward": "forward", "two_sided": "two_sided"}[self.direction]

        def signal():
            mirrored = library.flip(k, lag) if self.direction == "two_sided" else k
            du, = library.run(self._replace(maps=(self.y, k_map), direction=reversed_), dy, library.conj(mirrored))
            return library.product(u_map, sizes, library.dtype(u), (self.y, du))

        def correlate(late, early, size):
            """Sums of products of which one factor is 0, 1, ... steps later."""
            (m, x), (n, y) = late, early
            lags, = library.run(self._replace(maps=(m, n), direction="backward"), x, y)
            return library.resize(library.product(k_map, sizes, library.dtype(k), (self.y, lags)), lag, size)

        def kernel():
            after, before = (self.y, dy), (u_map, library.conj(u))
            if self.direction == "backward":
                return correlate(before, after, taps)
            if self.direction == "forward":
                return correlate(after, before, taps)
            future = library.flip(correlate(before, after, taps // 2 + 1), lag)
            past = correlate(after, before, taps - taps // 2)
            return library.concatenate([library.resize(future, lag, taps // 2), past], lag)
        return tuple(grad() if need else None for grad, need in zip((signal, kernel), needed))

    def jvp(self, library, operands, tangents):
        (u, k), (du, dk) = operands, tangents
        parts = [library.run(self, *pair)[0] for pair in ((du, k), (u, dk)) if all(x is not None for x in pair)]
        return (sum(parts[1:], parts[0]),)

    def batch(self, flags):
        """The op with one axis more in front of the operands with a flag, and of the results that depend on one."""
        k = fresh_letter(self.y)
        maps = tuple(k + m if flag else m for m, flag in zip(self.maps, flags))
        return self._replace(maps=maps, y=k + self.y)


def recurrence(form, operands, strategy, numerics):
    """The op of a form and the places of its operands, with the names of KEYWORDS."""
    check_choice(strategy, STRATEGIES, "strategy")
    check_choice(numerics, NUMERICS, "numerics")
    check_choice(form.projection, ("none", "real", "twice_real"), "output")
    check_choice(form.read, ("after", "before"), "read")
    result_elements(form, operand_elements(form.names, operands))
    names = {keyword: name for name, keyword in KEYWORDS.items()}
    kept = [i for i, n in enumerate(form.names) if n in form.keywords]
    op = Recurrence(tuple(names[form.keywords[form.names[i]]] for i in kept),
                    tuple(form.maps[form.names[i]] for i in kept), form.y, form.state, form.projection, form.reverse,
                    form.read, tuple(form.mixing), strategy, numerics)
    return op, kept


def convolution(u, k, axis, mode, strategy, numerics):
    """The op of a convolution, and the shape of its kernel without lags."""
    check_long_conv(u, k, axis, mode, strategy, numerics)
    check_widths(("u", "k"), (u, k))
    letters = LETTERS[:axis] + "t" + LETTERS[axis:u.ndim - 1]
    kept, shape = broadcast_letters(k.shape[:-1], "k", letters.replace("t", ""), dict(zip(letters, u.shape)),
                                    "u without time")
    direction = "forward" if mode == "causal" else "two_sided"
    return Convolution((letters, kept + "t"), letters, direction, strategy, numerics), shape


def unrolled(library, k, length, mode):
    """The kernel of a convolution, for mode "circular" as one of two sides: u_{t-j+L} with j = L-m is u_{t+m}."""
    if mode != "circular":
        return k
    axis = k.ndim - 1
    whole = library.resize(k, axis, length)
    return library.concatenate([whole[..., 1:], whole], axis)
