"""Gradients of compiled functions."""

from ._compile import Compiled, compile_text, core, encode


class GradientProgram:
    """The vector-Jacobian product of a _text.Program: of its arguments and a cotangent for each result."""

    entry = "f_vjp"

    def __init__(self, program):
        self.name = program.name
        self._text = core().add_gradient(encode(program.text()), f"<mlir_ssm.{program.name}>", program.entry)

    def text(self):
        return self._text


class Gradient:
    """The vector-Jacobian product of a compiled function: `grad(*inputs, cotangents)`; see `gradient`.

    Attributes:
        compiled: the Compiled function that takes the inputs and one cotangent for each real or complex result.
    """

    def __init__(self, compiled, inputs, results):
        self.compiled = compiled
        self._inputs, self._results = inputs, results

    def __call__(self, *arguments):
        *inputs, cotangents = arguments if arguments else ((),)
        many = isinstance(cotangents, (tuple, list))
        count = len(self._results)
        if count != 1 and not many:
            raise TypeError(f"cotangents: expected a tuple of {count}, one for each result, but it is "
                            f"{type(cotangents).__name__}")
        given = tuple(cotangents) if many else (cotangents,)
        if len(given) != count:
            raise ValueError(f"cotangents: expected {count}, one for each result, but there are {len(given)}")
        if len(inputs) != len(self._inputs):
            raise TypeError(f"expected {len(self._inputs)} inputs and the cotangents, but there are {len(inputs)} "
                            "inputs")
        grads = self.compiled(*inputs, *(g for g, result in zip(given, self._results) if has_gradient(result)))
        grads = iter(grads if isinstance(grads, tuple) else (grads,))
        all_ = tuple(next(grads) if has_gradient(spec) else None for spec in self._inputs)
        return all_[0] if len(all_) == 1 else all_

    def __repr__(self):
        return f"<gradient {self.compiled!r}>"


def has_gradient(spec):
    """Whether a tensor of a signature has a cotangent: not if its elements are bools or integers."""
    return "int" not in spec["dtype"] and spec["dtype"] != "bool"


def gradient(f):
    """The vector-Jacobian product of a compiled function.

    Args:
        f: what `compile` returned.

    Returns:
        grad: grad(*inputs, cotangents) returns the cotangents of the inputs, an array if f has one input and a tuple
        otherwise, with None for inputs of integers. `cotangents` is an array if f has one result and a tuple
        otherwise, with None for results of integers; their shapes and dtypes are those of the results.

        The cotangent of x is the array g for which a change dx changes the loss by the real part of sum(conj(g) dx).
        So that of a real loss is its gradient, as PyTorch has it; JAX's is the conjugate.

    Raises:
        TypeError: f is not a compiled function.
        ValueError: f has an op without a gradient, which the text names: ssm.linear_recurrence and
            ssm.materialize_kernel (diagonal or dense), ssm.long_conv, ssm.associative_scan (sums, products, affine
            pairs), linalg ops and elementwise ops on tensors have one.
    """
    if not isinstance(f, Compiled):
        raise TypeError(f"f: expected what compile returned, but it is {type(f).__name__}")
    options = dict(f._options)
    text = core().add_gradient(encode(f.text), options["name"], options["entry"])
    compiled = compile_text(text, options["name"], entry=options["entry"] + "_vjp", target=options["target"],
                            threads=options["threads"])
    return Gradient(compiled, f.signature["inputs"], f.signature["outputs"])
