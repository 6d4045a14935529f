"""What the compiler cannot do."""


def derive_step(f):
    """The step of a compiled function, for one time step at a call. Not implemented: NotImplementedError."""
    raise NotImplementedError("derive_step: the compiler has no pass that derives a step; call linear_recurrence or "
                              "state_space with L = 1 and init, which returns the next state")
