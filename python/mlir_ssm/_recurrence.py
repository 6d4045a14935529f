"""Linear recurrences: linear_recurrence, state_space and the kernels of the latter."""

from dataclasses import dataclass

from . import _text
from ._arrays import (as_array, as_arrays, broadcast_letters, check_axis, check_choice, check_flag, check_integer,
                      check_widths, describe, element, is_complex, make_complex, real, wide)
from ._compile import STRATEGIES, Plan, plans

NUMERICS = ("norm", "strict")
PROJECTIONS = ("none", "real", "twice_real")
LETTERS = "abcdefghijklmnopqrsuvwxyz"  # all but t, which is time


@dataclass
class Form:
    """One ssm.linear_recurrence: the operands by name, and the letters of all axes."""

    function: str
    names: list
    keywords: dict  # of the op, by operand
    dims: str
    maps: dict
    shapes: dict  # in which operands are taken; None: as they come
    y: str
    state: str
    sizes: dict
    projection: str
    reverse: bool
    read: str
    mixing: tuple = ()  # ("row", letter) and ("column", letter)
    feedthrough: str = None  # the letters of u as y's axes
    returns_final: bool = True


def linear_recurrence(a, x, *, init=None, axis=1, reverse=False, transition="diagonal", strategy="auto",
                      numerics="norm"):
    """All states of h_t = A_t h_{t-1} + x_t, and the last one.

    Args:
        a: the transition. "diagonal": an array that broadcasts against x, so [D], [L, D] or [B, L, D] for x
            [B, L, D]; where it has no time axis (or one of size 1) it is the same at all times.
            "dense": matrices [..., N, N], as [N, N], [L, N, N] or [B, L, N, N] for x [B, L, N].
            "dplr": a tuple (w, p, q) for A_t = diag(w_t) + p_t q_t^H (q is conjugated); w, p, q are [N], [L, N] or
            [B, L, N], and p and q may have a last axis more, for a sum over its R terms.
        x: the signal, with time on `axis`; a transition that mixes acts on the last of the other axes.
        init: the state before the first step, x's shape without time (or broadcast to it); zero if None. Where x has
            16 bits, the state has 32: init is then float32, or of x's dtype.
        reverse: time runs backward, h_t = A_t h_{t+1} + x_t.
        transition: "diagonal", "dense" or "dplr".
        strategy: "auto" lets the compiler choose; "sequential", "tree_scan".
        numerics: "strict" keeps exact causality, "norm" promises an error that is small by norm.

    Returns:
        (states, final): states of x's shape, complex if any operand is; final, the state after the last step, without
        the time axis, in at least 32 bits.

    dtypes: float16, bfloat16, float32, float64, complex64, complex128, all operands of one width.

    Raises:
        TypeError: a dtype that is not one of these, or widths that differ.
        ValueError: a shape that does not fit, or a strategy that cannot compute this.
    """
    check_choice(transition, ("diagonal", "dense", "dplr"), "transition")
    reverse = check_flag(reverse, "reverse")
    low_rank = ()
    if transition == "dplr":
        if not isinstance(a, (tuple, list)) or len(a) != 3:
            raise TypeError(f"a: with transition='dplr' expected a tuple (w, p, q), but it is {type(a).__name__}")
        a, *low_rank = a
    names = ["a", "x", *(("p", "q") if low_rank else ())]
    operands = as_arrays(names, [a, x, *low_rank])
    if init is not None:
        names.append("init")
        operands.append(as_array(init, "init"))
    axis = check_axis(axis, operands[1].ndim, "x")
    key = ("linear_recurrence", *[(v.shape, v.dtype) for v in operands], len(names), init is None, axis, reverse,
           transition, strategy, numerics)
    return plans.get(key, lambda: plan_recurrence(form_linear_recurrence(names, operands, axis, reverse, transition),
                                                  operands, strategy, numerics))(operands)


def form_linear_recurrence(names, operands, axis, reverse, transition):
    given = dict(zip(names, operands))
    a, x = given["a"], given["x"]
    letters = LETTERS[:axis] + "t" + LETTERS[axis:x.ndim - 1]
    state = letters.replace("t", "")
    sizes = dict(zip(letters, x.shape))
    maps, shapes, mixing = {"x": letters}, {"x": None}, []
    if transition != "diagonal" and not state:
        raise ValueError(f"x: with transition={transition!r} expected an axis beside time, but it is {describe(x)}")
    if transition == "dense":
        row, column = state[-1], "z"
        n = sizes[row]
        if a.ndim < 2 or a.shape[-2:] != (n, n):
            raise ValueError(f"a: with transition='dense' expected the shape [..., {n}, {n}] for x {describe(x)}, but "
                             f"it is {describe(a)}")
        outer = letters.replace(row, "")
        kept, shape = broadcast_letters(a.shape[:-2], "a", outer, sizes, "x")
        maps["a"], shapes["a"] = kept + row + column, (*shape, n, n)
        mixing = [("row", row), ("column", column)]
    else:
        maps["a"], shapes["a"] = broadcast_letters(a.shape, "a", letters, sizes, "x")
    if transition == "dplr":
        row = state[-1]
        # The rank is the last axis; the state's is the last of w.
        order = letters.replace(row, "") + row
        if row != letters[-1]:
            raise ValueError("axis: with transition='dplr' time cannot be the last axis; move it")
        mixing = [("row", row)]
        for name in ("p", "q"):
            v = given[name]
            ranked = v.ndim == a.ndim + 1
            kept, shape = broadcast_letters(v.shape[:-1] if ranked else v.shape, name, order, sizes, "x")
            if row not in kept:
                raise ValueError(f"{name}: expected {sizes[row]} numbers along the state's axis, but it is "
                                 f"{describe(v)}")
            maps[name] = kept + ("z" if ranked else "")
            shapes[name] = (*shape, v.shape[-1]) if ranked else shape
        if given["p"].ndim != given["q"].ndim or (given["p"].ndim > a.ndim and
                                                  given["p"].shape[-1] != given["q"].shape[-1]):
            raise ValueError(f"q: expected the axes of p, {describe(given['p'])}, but it is {describe(given['q'])}")
    if "init" in given:
        maps["init"], shapes["init"] = broadcast_letters(given["init"].shape, "init", state, sizes,
                                                         "x without time")
    keywords = {"a": "transition", "x": "signal", "init": "init"}
    dims = letters + ("z" if any("z" in m for m in maps.values()) else "")
    return Form("linear_recurrence", names, keywords, dims, maps, shapes, letters, state, sizes, "none", reverse,
                "after", tuple(mixing))


def result_elements(form, elements):
    """The MLIR element types of y and of the state."""
    part = real(elements[keywords_to_names(form.keywords)["signal"]])
    state_complex = any(is_complex(elements[n]) for n in form.names if n not in ("c", "d"))
    output_complex = state_complex or is_complex(elements.get("c", ""))
    if form.projection != "none" and not output_complex:
        raise ValueError(f"output: {form.projection!r} needs complex a, b or c, but all are real; use 'none'")
    output_complex &= form.projection == "none"
    return (make_complex(part, "u") if output_complex else part,
            make_complex(wide(part), "init") if state_complex else wide(part))


def plan_recurrence(form, operands, strategy, numerics):
    """The kernel of a recurrence."""
    check_choice(strategy, STRATEGIES, "strategy")
    check_choice(numerics, NUMERICS, "numerics")
    check_choice(form.projection, PROJECTIONS, "output")
    check_choice(form.read, ("after", "before"), "read")
    elements = operand_elements(form.names, operands)
    return plan_typed_recurrence(form, operands, elements, result_elements(form, elements), strategy, numerics)


def plan_typed_recurrence(form, operands, elements, result_types, strategy, numerics):
    """The same with the MLIR element types given: of operands by name, and of y and the state."""
    program = write_recurrence(form, operands, elements, result_types, numerics)
    return Plan(program, strategy, [form.shapes[n] for n in form.names])


def write_recurrence(form, operands, elements, result_types, numerics):
    """The program of that kernel."""
    names, keywords, maps, sizes = form.names, form.keywords, form.maps, form.sizes
    y_element, state_element = result_types
    part = real(state_element)

    program = _text.Program(form.function)
    values = {}
    for name, x in zip(names, operands):
        shape = x.shape if form.shapes[name] is None else form.shapes[name]
        value, type_ = program.argument(name, shape, elements[name])
        if name == "init" and elements[name] != real_or_complex(elements[name], part):
            value, type_ = widen(program, value, type_, shape, elements[name], part)
        values[name] = value, type_
    results = [_text.tensor([sizes[k] for k in form.y], y_element),
               _text.tensor([sizes[k] for k in form.state], state_element)]
    ordered = [n for word in ("transition", "signal", "input", "output", "init") for n, w in keywords.items()
               if w == word and n in values]
    low_rank = [values[n] for n in ("p", "q") if n in values]
    attributes = [f"direction = #ssm.direction<{'backward' if form.reverse else 'forward'}>",
                  f"read = #ssm.read<{form.read}>", f"projection = #ssm.projection<{form.projection}>",
                  f"numerics = #ssm.numerics<{numerics}>",
                  *(f"{word} = {form.dims.index(letter)} : i64" for word, letter in form.mixing)]
    order = [*ordered, *(n for n in ("p", "q") if n in values)]
    y, final = _text.linear_recurrence(program, form.dims, {keywords[n]: values[n] for n in ordered}, low_rank,
                                       [*(maps[n] for n in order), form.y, form.state], results, attributes)
    if form.feedthrough:
        y = feed_through(program, form.y, (y, results[0], y_element), values, elements, maps, form.feedthrough)
    program.result(y, results[0])
    if form.returns_final:
        program.result(final, results[1])
    return program


def keywords_to_names(keywords):
    return {word: name for name, word in keywords.items()}


def operand_elements(names, operands):
    """MLIR element types by name. A 16-bit recurrence may start from the 32-bit state that another returned."""
    strict = [(n, x) for n, x in zip(names, operands) if n != "init"]
    elements = dict(zip([n for n, _ in strict], check_widths([n for n, _ in strict], [x for _, x in strict])))
    if "init" in names:
        init = operands[names.index("init")]
        part = real(elements[names[0]])
        elements["init"] = element(init, "init")
        if real(elements["init"]) not in (part, wide(part)):
            check_widths([names[0], "init"], [operands[0], init])
    return elements


def real_or_complex(like, part):
    return f"complex<{part}>" if is_complex(like) else part


def widen(program, value, type_, shape, source, part):
    """A 16-bit initial state in 32 bits."""
    target = real_or_complex(source, part)
    result = _text.tensor(shape, target)
    dims = LETTERS[:len(shape)]
    value = _text.elementwise(program, dims, [(value, type_, source)], [dims, dims], (result, target),
                              lambda scalars, names: scalars.convert(names[0], source, target))
    return value, result


def feed_through(program, dims, y, values, elements, maps, signal):
    """y + d u; `signal` are the letters of u as y's axes."""
    y_value, y_type, y_element = y
    part = wide(real(y_element))
    compute = real_or_complex(y_element, part)
    # The product is real where d and u are.
    product = f"complex<{part}>" if is_complex(elements["d"]) or is_complex(elements["u"]) else part
    if is_complex(product) and not is_complex(compute):
        raise TypeError("d: with a real output expected a real d and u, but they are complex")

    def body(scalars, names):
        y, d, u = names
        d = scalars.convert(d, elements["d"], product)
        u = scalars.convert(u, elements["u"], product)
        du = scalars.convert(scalars.binary("mul", d, u, product), product, compute)
        total = scalars.binary("add", scalars.convert(y, y_element, compute), du, compute)
        return scalars.convert(total, compute, y_element)
    inputs = [y, (*values["d"], elements["d"]), (*values["u"], elements["u"])]
    return _text.elementwise(program, dims, inputs, [dims, maps["d"], signal, dims], (y_type, y_element), body)


def parse_spec(spec, count, example):
    """The letters of the operands and of the result."""
    if not isinstance(spec, str):
        raise TypeError(f"spec: expected a str such as {example!r}, but it is {type(spec).__name__}")
    operands, arrow, y = spec.replace(" ", "").partition("->")
    letters = operands.split(",")
    rule = f"spec: expected {count} operands and a result, such as {example!r}, but it is {spec!r}"
    if not arrow or len(letters) != count:
        raise ValueError(rule)
    for word in [*letters, y]:
        if not all("a" <= k <= "z" for k in word):
            raise ValueError(f"{rule}: axes are letters from a to z")
        if len(set(word)) != len(word):
            raise ValueError(f"{rule}: {word!r} names an axis twice")
    if missing := [k for k in y if k not in operands and k not in "tl"]:
        raise ValueError(f"{rule}: no operand has the axis {missing[0]!r} of the result")
    return letters, y


def bind_sizes(names, letters, arrays):
    """{letter: size}; an array that does not fit is an error that names it."""
    sizes, origin = {}, {}
    for name, word, x in zip(names, letters, arrays):
        if x.ndim != len(word):
            raise ValueError(f"{name}: expected {len(word)} axes, {word!r} in the spec, but it is {describe(x)}")
        for k, size in zip(word, x.shape):
            if sizes.setdefault(k, size) != size:
                raise ValueError(f"{name}: expected the size {sizes[k]} along {k!r}, as in {origin[k]}, but it is "
                                 f"{describe(x)} with axes {word!r}")
            origin.setdefault(k, name)
    return sizes


def state_letters(letters, y):
    """The state's axes: all but time, those that B sums and those that C adds; in order of first appearance."""
    a, b, c, u = letters
    inputs = set(b + u) - set(a + c + y)
    outputs = set(c + y) - set(a + b + u)
    return "".join(k for k in dict.fromkeys(a + b + u + c + y) if k not in {"t"} | inputs | outputs)


def state_space(spec, a, b, c, u, d=None, *, init=None, output="none", reverse=False, read="after", strategy="auto",
                numerics="norm"):
    """The outputs of h_t = a_t h_{t-1} + b_t u_t, y_t = out(c_t h_t) + d u_t, and the last state.

    Args:
        spec: the axes of a, b, c, u and y as letters, such as "hn,hn,hn,bth->bth" (S4D); 't' is time, and an operand
            without it is the same at all times. a is diagonal: products are elementwise, and sums run over the axes of
            b and u that nothing else has (inputs, as i in S5 "n,ni,on,bti->bto") and over those of the state that y
            lacks. Mamba-1 "bthn,bthn,btn,bth->bth"; Mamba-2 "bth,btn,btn,bthp->bthp"; gated linear attention
            "bthk,bthk,bthk,bthv->bthv".
        a, b, c, u: the operands, with the axes that spec says.
        d: multiplies u; it broadcasts against y as NumPy does. u must then have y's letters, or y's shape.
        init: the state before the first step, with the axes of `final`; zero if None.
        output: "none", "real" (the real part of c h) or "twice_real" (twice that: of each conjugate pair of states
            one is stored).
        reverse: time runs backward.
        read: y_t sees the state "after" the step at t, or "before" it.
        strategy: "auto" lets the compiler choose; "sequential", "tree_scan"; "fft_conv" and "direct_conv" where a, b
            and c do not vary.
        numerics: "strict" keeps exact causality and rules fft_conv out; "norm" promises an error that is small by norm.

    Returns:
        (y, final). The axes of final: all letters of a, then b, then u, c, y in the order of first appearance, without
        time, inputs and outputs (y's axes that only c has).

    dtypes: as for `linear_recurrence`. Complex parameters may meet a real signal.

    Raises:
        TypeError: a dtype that is not supported, or widths that differ.
        ValueError: a spec that cannot be read, a shape that does not fit it, or a strategy that cannot compute this.
    """
    names = ["a", "b", "c", "u"]
    operands = as_arrays(names, [a, b, c, u])
    for name, value in (("d", d), ("init", init)):
        if value is not None:
            names.append(name)
            operands.append(as_array(value, name))
    reverse = check_flag(reverse, "reverse")
    key = ("state_space", spec, *[(v.shape, v.dtype) for v in operands], d is None, init is None, output, reverse, read,
           strategy, numerics)
    plan = plans.get(key, lambda: plan_recurrence(form_state_space(spec, names, operands, output, reverse, read),
                                                  operands, strategy, numerics))
    return plan(operands)


def form_state_space(spec, names, operands, output, reverse, read):
    letters, y = parse_spec(spec, 4, "hn,hn,hn,bth->bth")
    given = dict(zip(names, operands))
    if "t" not in letters[3] or "t" not in y:
        raise ValueError(f"spec: expected time, 't', among the axes of u and y, but it is {spec!r}")
    sizes = bind_sizes("abcu", letters, operands)
    if missing := [k for k in y if k not in sizes]:
        raise ValueError(f"spec: no operand has the axis {missing[0]!r} of y in {spec!r}")
    state = state_letters(letters, y)
    maps = dict(zip("abcu", letters))
    shapes = dict.fromkeys("abcu")
    signal = None
    if "d" in given:
        d, u = given["d"], given["u"]
        signal = letters[3]
        if sorted(signal) != sorted(y):
            if list(u.shape) != [sizes[k] for k in y]:
                raise ValueError(f"d: multiplies u, so u must have the shape of y, {[sizes[k] for k in y]}, but it is "
                                 f"{describe(u)}")
            signal = y
        maps["d"], shapes["d"] = broadcast_letters(d.shape, "d", y, sizes, "y")
    if "init" in given:
        maps["init"], shapes["init"] = broadcast_letters(given["init"].shape, "init", state, sizes,
                                                         f"the state, with axes {state!r}")
    dims = "".join(dict.fromkeys(y + state + "".join(letters)))
    keywords = {"a": "transition", "u": "signal", "b": "input", "c": "output", "init": "init"}
    return Form("state_space", names, keywords, dims, maps, shapes, y, state, sizes, output, reverse, read,
                feedthrough=signal)


def materialize_kernel(spec, a, b, c, length, *, output="none"):
    """The impulse response K_l = out(sum c a^l b) for l = 0 .. length-1 of a time-invariant recurrence.

    Args:
        spec: the axes of a, b, c and K; 'l' is the lag, such as "hn,hn,hn->hl" (S4D) or "n,ni,on->oil" (S5). Axes that
            K lacks are summed.
        a, b, c: the operands, with the axes that spec says.
        length: the number of lags.
        output: "none", "real" or "twice_real", as in `state_space`.

    Returns:
        K, with the axes that spec says.

    dtypes: as for `linear_recurrence`; powers are formed in twice the precision.

    Raises:
        TypeError: a dtype that is not supported, or widths that differ.
        ValueError: a spec that cannot be read, or a shape that does not fit it.
    """
    operands = as_arrays("abc", [a, b, c])
    length = check_integer(length, "length")
    key = ("materialize_kernel", spec, *[(v.shape, v.dtype) for v in operands], length, output)
    return plans.get(key, lambda: plan_kernel(spec, operands, length, output))(operands)[0]


def plan_kernel(spec, operands, length, output):
    check_choice(output, PROJECTIONS, "output")
    if not 0 <= length < 2**31:
        raise ValueError(f"length: expected a number from 0 to 2^31 - 1, but it is {length}")
    letters, k = parse_spec(spec, 3, "hn,hn,hn->hl")
    if "l" not in k or "l" in "".join(letters):
        raise ValueError(f"spec: expected the lag, 'l', among the axes of K and of nothing else, but it is {spec!r}")
    sizes = bind_sizes("abc", letters, operands)
    if "t" in "".join(letters) + k:
        raise ValueError(f"spec: only a time-invariant recurrence has a kernel, so no axis may be time, 't', but it is "
                         f"{spec!r}")
    sizes["l"] = length
    elements = check_widths("abc", operands)
    complex_ = any(map(is_complex, elements))
    if output != "none" and not complex_:
        raise ValueError(f"output: {output!r} needs complex a, b or c, but all are real; use 'none'")
    part = real(elements[0])
    result = _text.tensor([sizes[s] for s in k],
                          make_complex(part, "a") if complex_ and output == "none" else part)
    program = _text.Program("materialize_kernel")
    values = [program.argument(name, x.shape, e) for name, x, e in zip("abc", operands, elements)]
    # The dialect's name of the lag is time.
    maps = [word.replace("l", "t") for word in (*letters, k)]
    value = _text.materialize_kernel(program, "".join(dict.fromkeys(maps[3] + "".join(maps))),
                                     dict(zip(("transition", "input", "output"), values)), maps, result,
                                     [f"projection = #ssm.projection<{output}>"])
    program.result(value, result)
    return Plan(program, "auto", [None] * 3)
