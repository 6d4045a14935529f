"""Closed forms of matrix-state recurrences, for checking the time loops.

Shapes: q, k, a, b, logw [B, L, H, K]; v [B, L, H, V]; states [B, H, K, V]. Decays are given as logarithms, and every
ratio of decays is formed as the exponential of a masked difference of their cumulative sums, so none overflows.
"""

import numpy as np


def _masked(x, gx, y, gy, mask):
    """M_ts = sum_k x_tk e^{gx_tk - gy_sk} y_sk where mask_ts, else 0; [B, H, L, L]."""
    exponent = gx[:, :, None] - gy[:, None]
    ratio = np.exp(np.where(mask[None, :, :, None, None], exponent, -np.inf))
    return np.einsum("bthk,bshk,btshk->bhts", x, y, ratio)


def decayed_attention(q, k, v, logw, init, read="after"):
    """S_t = diag(w_t) S_{t-1} + k_t v_t^T, y_t = q_t^T S_t (or S_{t-1} with read="before"), as attention.

    y_t = sum_{s<=t} (q_t . w_{s+1..t} k_s) v_s + (q_t . w_{0..t})^T S_init; before: s < t and w_{s+1..t-1}.
    """
    g = np.cumsum(logw, axis=1)
    mask = np.tri(q.shape[1], k=0 if read == "after" else -1, dtype=bool)
    seen = g if read == "after" else g - logw
    y = np.einsum("bhts,bshv->bthv", _masked(q, seen, k, g, mask), v)
    y = y + np.einsum("bthk,bhkv->bthv", q * np.exp(seen), init)
    final = np.exp(g[:, -1])[..., None] * init
    return y, final + np.einsum("bshk,bshv->bhkv", k * np.exp(g[:, -1:] - g), v)


def dplr_chunks(q, k, v, a, b, logw, init, chunk):
    """S_t = diag(w_t) S_{t-1} + b_t (a_t^T S_{t-1}) + k_t v_t^T, y_t = q_t^T S_t, by chunks (the UT transform).

    With G the inclusive and Gm the exclusive product of decays in a chunk, and u_t = a_t^T S_{t-1}:
    u = (I - tril(a Gm . b/G, -1))^{-1} (tril(a Gm . k/G, -1) v + a Gm S)
    S' = G_Q S + (G_Q/G k)^T v + (G_Q/G b)^T u ;  y = tril(q G . k/G) v + tril(q G . b/G) u + q G S
    """
    state, ys = init, []
    for start in range(0, q.shape[1], chunk):
        q_, k_, v_, a_, b_, logw_ = (x[:, start : start + chunk] for x in (q, k, v, a, b, logw))
        g = np.cumsum(logw_, axis=1)
        gm = g - logw_
        size = g.shape[1]
        past, upto = np.tri(size, k=-1, dtype=bool), np.tri(size, dtype=bool)
        right = np.einsum("bhts,bshv->bhtv", _masked(a_, gm, k_, g, past), v_)
        right = right + np.einsum("bthk,bhkv->bhtv", a_ * np.exp(gm), state)
        u = np.linalg.solve(np.eye(size) - _masked(a_, gm, b_, g, past), right)
        y = np.einsum("bhts,bshv->bthv", _masked(q_, g, k_, g, upto), v_)
        y = y + np.einsum("bhts,bhsv->bthv", _masked(q_, g, b_, g, upto), u)
        ys.append(y + np.einsum("bthk,bhkv->bthv", q_ * np.exp(g), state))
        rest = np.exp(g[:, -1:] - g)
        state = np.exp(g[:, -1])[..., None] * state
        state = state + np.einsum("bshk,bshv->bhkv", k_ * rest, v_) + np.einsum("bshk,bhsv->bhkv", b_ * rest, u)
    return np.concatenate(ys, axis=1), state
