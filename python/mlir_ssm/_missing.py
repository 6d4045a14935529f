"""What the compiler cannot do."""


def derive_step(f):
    """The step of a compiled function, for one time step at a call. Not implemented: NotImplementedError."""
    raise NotImplementedError("derive_step: not in Python yet; the pass --ssm-derive-step derives one in MLIR, or "
                              "call linear_recurrence or state_space with L = 1 and init: they return the next state")
