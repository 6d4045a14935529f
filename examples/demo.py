#!/usr/bin/env python3
"""Shows what the compiler does with the models of this folder.

    demo.py [--build-dir build]
"""

import argparse
import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parent


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build-dir", type=Path, default=EXAMPLES.parent / "build")
    tools = parser.parse_args().build_dir.resolve() / "bin"
    for model in sorted(EXAMPLES.glob("*.mlir")):
        print(f"== {model.name}: verified and printed by ssm-opt", flush=True)
        subprocess.run([tools / "ssm-opt", model], check=True)


if __name__ == "__main__":
    sys.exit(main())
