"""One file for each model, its equations written as a time loop.

Every module has
    params(rng, **sizes)         a dict of the learned constants, random
    trained_like(rng, **sizes)   the same with decays up to 0.9999 and steps log-uniform in [1e-3, 1e-1]
    inputs(rng, batch, length, **sizes)   a dict of the signals, each with batch first and time second
    forward(params, inputs, init=None)    (y, final): the equations, step by step; y is [batch, time, ...]
where `init` and `final` are the carried state (final is None where there is none), and further functions that compute
the same outputs by a second formulation (kernel, chunks, double sum, Newton), for checking.

Letters in shapes: B batch, L time, H channels or heads, N or K state or key size, P or V head or value size.
States of complex conjugate pairs are stored by one half.
"""

NAMES = (
    "vanilla_rnn gru lstm ltv_rnn s4 s4d dss s5 lru mega bigs hyena rwkv4 rwkv5 rwkv6 rwkv7 retnet hgrn gla "
    "mamba1 mamba2 mamba3 deltanet gated_deltanet kda"
).split()
