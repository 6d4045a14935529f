"""The gradient of a recurrence whose states are seen through c alone. A state may be a matrix in each step, and is not
stored where the sums can be taken with it.

For real numbers and read "after", with g_t for what pulls at h_t:

    h_t = a_t h_{t-1} + b_t u_t     y_t = c_t h_t     g_t = a_{t+1} g_{t+1} + c_t dy_t

The gradients are outputs of h and g, summed over what an operand lacks:

    du_t = b_t g_t    db_t = u_t g_t    dc_t = dy_t h_t    da_t = g_t h_{t-1}

g is a recurrence against time of the signal dy with the input c, a one step early, and dfinal as its initial state. Of da,
a product of two states, g is stored, and multiplies h as c does. With read "before", c_t dy_t pulls at h_{t-1}: g_t is the
state before the step t of a recurrence with a as it is. So it is where a does not vary in time, with the input a c and

    g_t = r_{t+1} + c_t dy_t    r_t = a (r_{t+1} + c_t dy_t)

"""

import math

import numpy as np


def with_time(letters):
    return letters if "t" in letters else "t" + letters


class OutputGradient:
    """Of the operands of `op`; a state with time has the axes `states`, and `library` says what an array is."""

    def __init__(self, op, library, operands, cotangents, sizes, states):
        self.op, self.library, self.sizes, self.states = op, library, sizes, states
        self.given, self.maps = dict(zip(op.names, operands)), dict(zip(op.names, op.maps))
        self.conj = {n: library.conj(x) for n, x in self.given.items()}
        dy, self.dfinal = cotangents
        self.dy = op.y, 2 * dy if op.projection == "twice_real" else dy
        self.c_conj = self.maps["c"], self.conj["c"]
        self.is_apart = op.read == "after" and "t" not in self.maps["a"]
        self.pulling = "".join(dict.fromkeys(self.maps["a"] + self.maps["c"]))  # the axes of a c

    def suits(self, needed):
        """Whether no sum is larger than the states."""
        if self.op.mixing or "b" not in self.maps or 0 in self.sizes.values():
            return False
        made_of = {"a": self.op.y, "u": self.maps["b"], "b": self.maps["u"], "c": self.op.y, "init": ""}
        sums = [(self.pulling if n == "a" and self.is_apart else self.maps[n], self.states + made_of[n]) for n in needed]
        return all(set(m) <= set(known) and self.size(m) <= self.size(self.states) for m, known in sums)

    def size(self, letters):
        """In one step: the number of steps may be a symbol."""
        return math.prod(self.sizes[k] for k in letters if k != "t")

    def wide(self, factors):
        return np.result_type(*(self.library.dtype(x) for _, x in factors))

    def sum_to(self, name, *factors):
        library = self.library
        return library.product(self.maps[name], self.sizes, library.dtype(self.given[name]), *factors)

    def cotangents(self, needed):
        """Those of the names in `needed`, by name."""
        self.first = None
        grads = {n: getattr(self, n)() for n in "ubca" if n in needed}
        if "init" in needed:
            if self.first is None:
                self.u()  # which comes with it
            grads["init"] = self.sum_to("init", *self.first)
        return grads

    def u(self):
        return self.pulled("u", "b")

    def b(self):
        return self.pulled("b", "u")

    def pulled(self, name, partner):
        """The sum of g times the other one of b and u."""
        letters, other = with_time(self.maps[name]), (self.maps[partner], self.conj[partner])
        grad = self.sum_to(name, (letters, self.against(letters, other, name)))
        if not self.is_apart:
            return grad
        # Of two factors at a time: first those that both vary in time, or do not.
        *first, last = (other, self.c_conj, self.dy) if name == "u" else (other, self.dy, self.c_conj)
        kept = "".join(k for k in dict.fromkeys(first[0][0] + first[1][0]) if k in self.maps[name] + last[0])
        both = self.library.product(kept, self.sizes, self.wide(first), *first)
        return grad + self.sum_to(name, (kept, both), last)

    def c(self):
        letters = with_time(self.maps["c"])
        return self.sum_to("c", (letters, self.along(letters, self.dy, self.op.read, "c")))

    def a(self):
        letters, states = with_time(self.maps["a"]), (self.states, self.against(self.states))
        grad = self.sum_to("a", (letters, self.along(letters, states, "before", "a")))
        if not self.is_apart:
            return grad
        letters = with_time(self.pulling)
        return grad + self.sum_to("a", (letters, self.along(letters, self.dy, "before")), self.c_conj)

    def along(self, letters, c, read, name=None):
        """Outputs, conjugated, of the recurrence itself with an output operand that will be, for the cotangent `name`."""
        kept = [n for n in self.op.names if n != "c"]
        op = self.op._replace(names=tuple(kept), maps=tuple(self.maps[n] for n in kept), read=read)
        y, _ = self.run(op, [self.given[n] for n in kept], letters, (c[0], self.library.conj(c[1])), name)
        return self.library.conj(y)

    def against(self, letters, c=None, name=None):
        """Outputs of g, or of r, or its states."""
        letters_of_a, a = self.maps["a"], self.conj["a"]
        (letters_of_b, b), read = self.c_conj, "before"
        if self.op.read == "after" and not self.is_apart:
            a, read = self.early(a, letters_of_a.index("t")), "after"
        elif self.is_apart:
            factors = (letters_of_a, a), self.c_conj
            letters_of_b, b = self.pulling, self.library.product(self.pulling, self.sizes, self.wide(factors), *factors)
        op = self.op._replace(names=("a", "u", "b", "init"), maps=(letters_of_a, self.op.y, letters_of_b, self.op.final),
                              reverse=not self.op.reverse, read=read)
        y, first = self.run(op, [a, self.dy[1], b, self.dfinal], letters, c, name)
        self.first = [(self.op.final, first)]
        if read == "after":
            self.first.append((letters_of_a.replace("t", ""), self.first_step(self.conj["a"], letters_of_a.index("t"))))
        return y

    def first_step(self, x, axis):
        return x[(slice(None),) * axis + (-1 if self.op.reverse else 0,)]

    def early(self, x, axis):
        """x one step before its time, and 1 at last."""
        whole = (slice(None),) * axis
        one = self.library.ones_like(x[whole + (slice(0, 1),)])
        parts = [one, x[whole + (slice(0, -1),)]] if self.op.reverse else [x[whole + (slice(1, None),)], one]
        return self.library.concatenate(parts, axis)

    def run(self, op, operands, letters, c, name):
        """The results of `op` with an output operand, whose outputs have the axes `letters`; real ones for a real operand."""
        names, maps = op.names, op.maps
        if c:
            names, maps, operands = (*names, "c"), (*maps, c[0]), [*operands, c[1]]
        some, wanted = ([np.dtype(self.library.dtype(x)).kind == "c" for x in xs]
                        for xs in (operands, [self.given[name]] if name else []))
        projection = "real" if any(some) and wanted == [False] else "none"
        return self.library.run(op._replace(names=names, maps=maps, y=letters, projection=projection), *operands)
