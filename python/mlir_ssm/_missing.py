"""What the compiler cannot do."""


def derive_step(f):
    """The step of a compiled function, for one time step at a call. Not implemented: NotImplementedError."""
    raise NotImplementedError("derive_step: the compiler has no pass that derives a step; call linear_recurrence or "
                              "state_space with L = 1 and init, which returns the next state")


def gradient(f):
    """The vector-Jacobian product of a compiled function. Not implemented: NotImplementedError."""
    raise NotImplementedError("gradient: the compiler has no pass that derives one; the gradient of a linear "
                              "recurrence is one with reverse=True and its transition shifted by one step")
