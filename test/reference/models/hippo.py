"""HiPPO-LegS and its diagonal-plus-low-rank form (HiPPO, arXiv 2008.07669; S4, arXiv 2111.00396)."""

import numpy as np


def legs(n):
    """A_ij = -sqrt((2i+1)(2j+1)) for i > j, -(i+1) for i = j, 0 above; B_i = sqrt(2i+1)."""
    root = np.sqrt(2 * np.arange(n) + 1)
    return -(np.tril(np.outer(root, root), -1) + np.diag(np.arange(n) + 1.0)), root


def dplr(n):
    """(lam, p, b, v): A = v (diag(lam) - p p^H) v^H and B = v b for LegS.

    A + P P^T with P_i = sqrt(i + 1/2) is -1/2 I plus a skew matrix, so it is normal and v unitary. lam is sorted by
    imaginary part; n is even and the second half is the conjugate of the first, reversed.
    """
    a, b = legs(n)
    p = np.sqrt(np.arange(n) + 0.5)
    imag, v = np.linalg.eigh(-1j * (a + np.outer(p, p) + 0.5 * np.eye(n)))
    return -0.5 + 1j * imag, v.conj().T @ p, v.conj().T @ b, v


def half(n):
    """One half (lam, p, b) of `dplr`'s conjugate pairs: the n/2 with positive imaginary parts.

    Eigenvectors have an arbitrary phase; taking the conjugate eigenvector for the conjugate eigenvalue, the other half
    of p and b is the conjugate of this one.
    """
    lam, p, b, _ = dplr(n)
    return lam[n // 2 :], p[n // 2 :], b[n // 2 :]


def with_conjugates(x):
    """The full vector of a stored half, along the last axis."""
    return np.concatenate([x, np.conj(x)], axis=-1)
