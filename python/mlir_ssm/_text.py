"""The programs behind the functions of the package, as MLIR text.

A Program is one function @f; `argument` and the functions below append to it and return the names of values.
"""

from ._arrays import is_complex, real

CONVERSIONS = {"f16": "f32", "bf16": "f32"}


def tensor(shape, element):
    return f"tensor<{''.join(f'{size}x' for size in shape)}{element}>"


def affine(dims, letters):
    """affine_map<(t, d) -> (d)> from the strings "td" and "d"."""
    return f"affine_map<({', '.join(dims)}) -> ({', '.join(letters)})>"


class Program:
    """The text of a function @f; `name` is that of the Python function, for messages."""

    entry = "f"

    def __init__(self, name):
        self.name = name
        self.arguments, self.lines, self.results = [], [], []
        self.count = 0

    def value(self):
        self.count += 1
        return f"%{self.count}"

    def argument(self, name, shape, element):
        """A tensor that comes in, as (value, type)."""
        type_ = tensor(shape, element)
        self.arguments.append(f'%{name}: {type_} {{ssm.name = "{name}"}}')
        return f"%{name}", type_

    def line(self, text):
        self.lines.append("  " + text)

    def op(self, text):
        """Appends an operation with one result; its value."""
        value = self.value()
        self.line(f"{value} = {text}")
        return value

    def result(self, value, type_):
        self.results.append((value, type_))

    def text(self):
        values, types = (", ".join(column) for column in zip(*self.results))
        body = "\n".join(self.lines)
        return (f"func.func @f({', '.join(self.arguments)}) -> ({types}) {{\n{body}\n"
                f"  return {values} : {types}\n}}\n")


def linear_recurrence(program, dims, operands, low_rank, maps, results, attributes):
    """operands: {keyword: (value, type)}, low_rank: two of these or none; the values of result and final."""
    text = " ".join(f"{word}({value} : {type_})" for word, (value, type_) in operands.items())
    if low_rank:
        (p, p_type), (q, q_type) = low_rank
        text += f" low_rank({p}, {q} : {p_type}, {q_type})"
    y, final = program.value(), program.value()
    program.line(f"{y}, {final} = ssm.linear_recurrence {text} {{{indexing(dims, maps, attributes)}}} -> "
                 f"{', '.join(results)}")
    return y, final


def materialize_kernel(program, dims, operands, maps, result, attributes):
    text = " ".join(f"{word}({value} : {type_})" for word, (value, type_) in operands.items())
    return program.op(f"ssm.materialize_kernel {text} {{{indexing(dims, maps, attributes)}}} -> {result}")


def long_conv(program, dims, signal, kernel, maps, result, attributes):
    return program.op(f"ssm.long_conv {signal[0]}, {kernel[0]} {{{indexing(dims, maps, attributes)}}} : {signal[1]}, "
                      f"{kernel[1]} -> {result}")


def indexing(dims, maps, attributes):
    return ", ".join([f"indexing_maps = [{', '.join(affine(dims, letters) for letters in maps)}]",
                      f"time = {dims.index('t')} : i64", *attributes])


def discretize(program, method, dims, transition, step, input_, maps, results):
    values = [program.value() for _ in results]
    program.line(f"{', '.join(values)} = ssm.discretize {method} transition({' : '.join(transition)}) "
                 f"step({' : '.join(step)}) input({' : '.join(input_)}) "
                 f"{{indexing_maps = [{', '.join(affine(dims, letters) for letters in maps)}]}} -> {', '.join(results)}")
    return values


def fft(program, x, axis, inverse, result):
    arrow = f" -> {result}" if result != x[1] else ""
    return program.op(f"ssm.fft {x[0]} {{dimension = {axis} : i64{', inverse' if inverse else ''}}} : {x[1]}{arrow}")


def associative_scan(program, inputs, identity, attributes, block):
    """inputs: (value, type) of each; `block` the lines of the region, with its arguments."""
    start = f" identity({', '.join(v for v, _ in identity)} : {', '.join(e for _, e in identity)})" if identity else ""
    outputs = [program.value() for _ in inputs]
    program.line(f"{', '.join(outputs)} = ssm.associative_scan({', '.join(v for v, _ in inputs)}){start} "
                 f"{{{', '.join(attributes)}}} : ({', '.join(t for _, t in inputs)}) {{\n{block}\n  }}")
    return outputs


def elementwise(program, dims, inputs, maps, result, body):
    """A linalg.generic over `dims`, all parallel, into a new tensor.

    inputs: (value, type, element) of each; `body(scalars)` is given an Emitter and the names of the inputs' elements
    and returns the name of the result's.
    """
    type_, element = result
    empty = program.op(f"tensor.empty() : {type_}")
    emitter = Emitter(program.value)
    names = [program.value() for _ in inputs]
    block = ", ".join([*(f"{n}: {e}" for n, (_, _, e) in zip(names, inputs)), f"{program.value()}: {element}"])
    value = body(emitter, names)
    iterators = ", ".join(['"parallel"'] * len(dims))
    region = "\n".join("    " + line for line in emitter.lines)
    return program.op(f"linalg.generic {{indexing_maps = [{', '.join(affine(dims, m) for m in maps)}], "
                      f"iterator_types = [{iterators}]}} ins({', '.join(v for v, _, _ in inputs)} : "
                      f"{', '.join(t for _, t, _ in inputs)}) outs({empty} : {type_}) {{\n"
                      f"  ^bb0({block}):\n{region}\n    linalg.yield {value} : {element}\n  }} -> {type_}")


class Emitter:
    """Arithmetic on scalars: lines, and the names of their values. `fresh` makes names."""

    def __init__(self, fresh):
        self.fresh = fresh
        self.lines = []

    def op(self, text):
        value = self.fresh()
        self.lines.append(f"{value} = {text}")
        return value

    def constant(self, value, element):
        if is_complex(element):
            parts = [float_text(part, real(element)) for part in (complex(value).real, complex(value).imag)]
            return self.op(f"complex.constant [{', '.join(f'{p} : {real(element)}' for p in parts)}] : {element}")
        if element.startswith("i"):
            return self.op(f"arith.constant {int(value)} : {element}" if element != "i1" else
                           f"arith.constant {'true' if value else 'false'}")
        return self.op(f"arith.constant {float_text(value, element)} : {element}")

    def binary(self, name, left, right, element):
        """name: add, sub, mul or div."""
        if is_complex(element):
            return self.op(f"complex.{name} {left}, {right} : {element}")
        suffix = "f" if "f" in element else "si" if name == "div" else "i"
        return self.op(f"arith.{name}{suffix} {left}, {right} : {element}")

    def convert(self, value, source, target):
        """A real or complex value in a wider or narrower type, or a real one as a complex one."""
        if source == target:
            return value
        if is_complex(target):
            zero = self.constant(0, real(target))
            return self.op(f"complex.create {self.convert(value, source, real(target))}, {zero} : {target}")
        name = "extf" if source in CONVERSIONS else "truncf"
        return self.op(f"arith.{name} {value} : {source} to {target}")


# The bits of infinity and of a quiet NaN.
SPECIAL = {"f16": (0x7C00, 0x7E00), "bf16": (0x7F80, 0x7FC0), "f32": (0x7F800000, 0x7FC00000),
           "f64": (0x7FF0000000000000, 0x7FF8000000000000)}
BITS = {"f16": 16, "bf16": 16, "f32": 32, "f64": 64}


def float_text(value, element):
    value = float(value)
    infinity, nan = SPECIAL[element]
    if value != value:
        return f"0x{nan:X}"
    if value in (float("inf"), float("-inf")):
        return f"0x{infinity | (1 << (BITS[element] - 1) if value < 0 else 0):X}"
    return f"{value:.17e}"
