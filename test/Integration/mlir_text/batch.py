"""One function of many cases, one process for each strategy."""

import re

from harness import ToolError, run


def program(cases, strategy=None):
    """The text of one function @f that computes all cases."""
    arguments, results, result_types, lines = [], [], [], []
    for i, case in enumerate(cases):
        operands, types = case.types()
        arguments += [f"%{name}{i}: {t}" for name, t in zip(case.inputs, operands, strict=True)]
        lines.append(case.body(i, strategy))
        results += case.results(i)
        result_types += types
    body = "\n  ".join(lines)
    return (f"func.func @f({', '.join(arguments)})\n    -> ({', '.join(result_types)}) {{\n  {body}\n"
            f"  return {', '.join(results)} : {', '.join(result_types)}\n}}\n")


def compute(cases, strategy=None, threads=1):
    """The results of each case, in one process. If that fails, says which."""
    inputs = [x for case in cases for x in case.inputs.values()]
    try:
        flat = run(program(cases, strategy), *inputs, threads=threads)
    except ToolError as error:
        if len(cases) == 1:
            raise
        culprits = []
        for case in cases:
            try:
                compute([case], strategy, threads)
            except ToolError as alone:
                culprits.append(f"{case.name}: {re.sub(chr(10) + '.*', '', alone.stderr)}")
        raise AssertionError("\n".join(culprits) or f"only together: {error}") from None
    out, at = [], 0
    for case in cases:
        count = len(case.types()[1])
        out.append(flat[at : at + count])
        at += count
    return out


def check(cases, dtype, strategy, batch=3):
    """Asserts that all cases are within their bar under the strategy.

    Compile time grows faster than the number of cases in one function.
    Code for f64 differs from that for f32 in types and vector widths only:
    every third case is enough there.
    """
    cases = cases[:: 3 if dtype == "f64" else 1]
    missed = []
    for start in range(0, len(cases), batch):
        part = cases[start : start + batch]
        for case, results in zip(part, compute(part, strategy), strict=True):
            missed += case.errors(results, dtype, strategy)
    assert not missed, f"{len(missed)} of {len(cases)} cases:\n" + "\n".join(missed)
