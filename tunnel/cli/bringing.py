"""Bringing: modules are imported without a look for garbage."""

import gc
import sys
from importlib import import_module
from types import ModuleType


def brought(module: str) -> ModuleType:
    """Import a module, and look for garbage neither meanwhile nor, in what it brought, ever after.

    What modules bring stays as long as the process, and to look at it over and over took a seventh of a front's start: 20 of
    145 ms. What is garbage of it, 800 KiB for a front (of each dataclass with slots, the class without), is never freed.
    """
    if module in sys.modules:
        return sys.modules[module]
    collecting = gc.isenabled()
    gc.disable()
    try:
        return import_module(module)
    finally:
        gc.freeze()
        if collecting:
            gc.enable()
