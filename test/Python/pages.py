"""The programs in the documentation."""

import re
from pathlib import Path

DOCS = Path(__file__).resolve().parents[2] / "docs"


def blocks(name):
    """[(language, text, line)] of a page."""
    page = (DOCS / name).read_text()
    return [(m[1], m[2], page.count("\n", 0, m.start()) + 2)
            for m in re.finditer(r"^```(\w+)\n(.*?)^```", page, re.M | re.S)]


def run_python(page, wanted):
    names = {}
    for language, text, line in blocks(page):
        if language == "python" and wanted(text):
            exec(compile("\n" * (line - 1) + text, f"docs/{page}", "exec"), names)
