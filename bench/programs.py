"""The tasks in the ssm language."""

WIDTHS = {"float32": "f32", "complex64": "complex<f32>"}


def tensor(shape, dtype="float32"):
    return f"tensor<{''.join(f'{size}x' for size in shape)}{WIDTHS[dtype]}>"


def affine(dims, letters):
    return f"affine_map<({', '.join(dims)}) -> ({', '.join(letters)})>"


def recurrence(letters, sizes, dtypes, output, final, projection="none"):
    """Returns text of @f(a, u[, b][, c][, p, q]) -> (y, final state).

    `letters` has the dimensions of "a", "u" and perhaps "b" (input map), "c"
    (output map), and "p" and "q", an update of rank one along the dimension k;
    `dtypes` names those that are not float32.
    """
    words = {"a": "transition", "u": "signal", "b": "input", "c": "output"}
    used = [k for k in "aubcpq" if k in letters]
    dims = "".join(dict.fromkeys(output + final + "".join(letters[k] for k in used)))
    types = {k: tensor([sizes[d] for d in letters[k]], dtypes.get(k, "float32")) for k in used}
    state = "complex64" if any(dtypes.get(k) == "complex64" for k in "aub") else "float32"
    result = state if projection == "none" else "float32"
    y, x = tensor([sizes[d] for d in output], result), tensor([sizes[d] for d in final], state)
    maps = ", ".join(affine(dims, m) for m in [*(letters[k] for k in used), output, final])
    operands = " ".join(f"{words[k]}(%{k} : {types[k]})" for k in used if k in words)
    row = ""
    if "p" in letters:
        operands += f" low_rank(%p, %q : {types['p']}, {types['q']})"
        row = f", row = {dims.index('k')} : i64"
    return f"""func.func @f({', '.join(f'%{k}: {types[k]}' for k in used)}) -> ({y}, {x}) {{
  %y, %x = ssm.linear_recurrence {operands}
      {{indexing_maps = [{maps}], time = {dims.index('t')} : i64{row},
       projection = #ssm.projection<{projection}>}} -> {y}, {x}
  return %y, %x : {y}, {x}
}}
"""


def convolution(layout, kernel_layout, sizes, taps, strategy=None):
    """@f(u, k) -> y, where k is a parameter; `strategy` is the text of a #ssm.strategy."""
    dims = "bht"
    u = tensor([sizes[d] for d in layout])
    k = tensor([taps if d == "t" else sizes[d] for d in kernel_layout])
    maps = ", ".join(affine(dims, m) for m in (layout, kernel_layout, layout))
    pinned = f", strategy = #ssm.strategy<{strategy}>" if strategy else ""
    return f"""func.func @f(%u: {u}, %k: {k} {{ssm.parameter}}) -> {u} {{
  %y = ssm.long_conv %u, %k {{indexing_maps = [{maps}], time = 2 : i64{pinned}}} : {u}, {k} -> {u}
  return %y : {u}
}}
"""


def bidirectional(layout, kernel_layout, sizes, one_signal=True):
    """@f(u, v, k, h) -> k * u + h * v backward in time, where v is u unless they shall not be fused."""
    dims = "bht"
    u, k = tensor([sizes[d] for d in layout]), tensor([sizes[d] for d in kernel_layout])
    maps = ", ".join(affine(dims, m) for m in (layout, kernel_layout, layout))

    def conv(name, signal, taps, direction):
        return f"""%{name} = ssm.long_conv %{signal}, %{taps} {{indexing_maps = [{maps}], time = 2 : i64,
      direction = #ssm.direction<{direction}>}} : {u}, {k} -> {u}"""
    return f"""func.func @f(%u: {u}, %v: {u}, %k: {k}, %h: {k}) -> {u} {{
  {conv("past", "u", "k", "forward")}
  {conv("future", "u" if one_signal else "v", "h", "backward")}
  %y = arith.addf %past, %future : {u}
  return %y : {u}
}}
"""


def kernel(H, N, L):
    """@f(a, b, c) -> K, of conjugate pairs of which one half is stored."""
    hn, k = tensor([H, N], "complex64"), tensor([H, L])
    maps = ", ".join([affine("hnt", "hn")] * 3 + [affine("hnt", "ht")])
    return f"""func.func @f(%a: {hn}, %b: {hn}, %c: {hn}) -> {k} {{
  %k = ssm.materialize_kernel transition(%a : {hn}) input(%b : {hn}) output(%c : {hn})
      {{indexing_maps = [{maps}], time = 2 : i64, projection = #ssm.projection<twice_real>}} -> {k}
  return %k : {k}
}}
"""


def selective(B, L, D, N):
    """@f(dt, A, B, C, skip, u) -> y: Mamba-1's selective scan."""
    btd, dn, btn, d = tensor([B, L, D]), tensor([D, N]), tensor([B, L, N]), tensor([D])
    btdn, bdn = tensor([B, L, D, N]), tensor([B, D, N])
    dims = "btdn"
    maps = {letters: affine(dims, letters) for letters in ("btd", "dn", "btn", "btdn", "bdn")}
    flat = {letters: affine("btd", letters) for letters in ("btd", "d")}
    return f"""func.func @f(%dt: {btd}, %A: {dn}, %B: {btn}, %C: {btn}, %skip: {d}, %u: {btd}) -> {btd} {{
  %e4 = tensor.empty() : {btdn}
  %decay = linalg.generic {{indexing_maps = [{maps['btd']}, {maps['dn']}, {maps['btdn']}],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}}
      ins(%dt, %A : {btd}, {dn}) outs(%e4 : {btdn}) {{
  ^bb0(%x: f32, %y: f32, %o: f32):
    %p = arith.mulf %x, %y : f32
    %e = math.exp %p : f32
    linalg.yield %e : f32
  }} -> {btdn}
  %e3 = tensor.empty() : {btd}
  %drive = linalg.generic {{indexing_maps = [{flat['btd']}, {flat['btd']}, {flat['btd']}],
      iterator_types = ["parallel", "parallel", "parallel"]}}
      ins(%dt, %u : {btd}, {btd}) outs(%e3 : {btd}) {{
  ^bb0(%x: f32, %y: f32, %o: f32):
    %p = arith.mulf %x, %y : f32
    linalg.yield %p : f32
  }} -> {btd}
  %z, %h = ssm.linear_recurrence transition(%decay : {btdn}) signal(%drive : {btd})
      input(%B : {btn}) output(%C : {btn})
      {{indexing_maps = [{maps['btdn']}, {maps['btd']}, {maps['btn']}, {maps['btn']}, {maps['btd']}, {maps['bdn']}],
       time = 1 : i64}} -> {btd}, {bdn}
  %y = linalg.generic {{indexing_maps = [{flat['btd']}, {flat['btd']}, {flat['d']}, {flat['btd']}],
      iterator_types = ["parallel", "parallel", "parallel"]}}
      ins(%z, %u, %skip : {btd}, {btd}, {d}) outs(%e3 : {btd}) {{
  ^bb0(%s: f32, %x: f32, %g: f32, %o: f32):
    %p = arith.mulf %x, %g : f32
    %q = arith.addf %s, %p : f32
    linalg.yield %q : f32
  }} -> {btd}
  return %y : {btd}
}}
"""
