"""What others have for the same, where it is installed."""

import importlib

from gpu_driver import Absent


def need(module):
    try:
        return importlib.import_module(module)
    except Exception as error:
        raise Absent(f"{module} cannot be imported: {error}") from None
