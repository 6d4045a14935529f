"""Each benchmark runs, with the peers that are there, and computes the right
thing. Tiny shapes: no time is looked at."""

import json
import subprocess
import sys

import pytest
from harness import BUILD, ROOT, SANITIZED

# Records that each benchmark cannot be without, and how exact they are. What
# exponentiates a logarithm in f32 is as exact as that logarithm; what rounds to
# bf16 is off by a few times 2^-9.
PEERS = {"scan": {"C++ by hand", "NumPy loop", "limit"}, "conv": {"C++ by hand", "numpy.fft", "limit", "ssm by bf16 matrices with the spectrum"},
         "kernel": {"C++ by hand", "NumPy exponentials", "limit"}, "selective": {"C++ by hand", "NumPy loop", "limit"},
         "matrix": {"C++ by hand", "limit"},
         "recurrence": {"NumPy loop", "limit"}, "bidirectional": {"two convolutions", "limit"},
         "layer": {"NumPy's products", "limit"}, "block": {"jax.jit"}, "step": {"C++ by hand", "jax.jit", "limit"}, "choice": set()}
BAR, LOOSE, BF16 = 1e-6, 1e-5, 1e-2


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A build folder of its own: the code by hand is compiled once into it."""
    path = tmp_path_factory.mktemp("bench")
    (path / "bin").symlink_to(BUILD / "bin")
    return path


@pytest.mark.xdist_group("bench")
@pytest.mark.parametrize("name", PEERS)
def test_quick(name, folder):
    if name == "block" and SANITIZED:
        pytest.skip("no Python package, which blocks are compiled by, is built with a sanitizer")
    command = [sys.executable, ROOT / "bench" / "run.py", "--quick", "--build-dir", folder, "--threads=1", name]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    records = json.loads((folder / "bench" / f"{name}.json").read_text())
    measured = [r for r in records if r["min_s"] is not None]
    assert {"ssm", *PEERS[name]} <= {r["peer"] for r in measured}
    for record in records:
        assert not record["note"].startswith("failed"), record
        assert record["note"].startswith("skipped") or 0 < record["min_s"] <= record["median_s"], record
        if record["error"] is not None:
            bar = LOOSE if "exponentials" in record["peer"] else BF16 if "bf16" in record["peer"] else BAR
            assert record["error"] < bar, record
    # What is timed by position is the step that was compared before.
    assert all(r["error"] is not None or "by position" in r["task"]
               for r in measured if r["peer"] in ("ssm", "C++ by hand"))
    if name == "choice":
        chosen = [r for r in records if r["chosen"]]
        assert len(chosen) == len({str((r["shape"], r["dtype"], r["system"])) for r in records})
        assert all(r["estimate_s"] > 0 for r in measured)
    assert "Not quotable: a smoke test" in (folder / "bench" / f"{name}.md").read_text()
