"""Engine: one target under atheris, which follows the branches that an input takes. In a process of its own.

python -m tests.fuzz.engine TARGET [libFuzzer's own flags and folders]
"""

import sys

import atheris  # from the extra "fuzz"; Linux only

with atheris.instrument_imports(include=["tunnel", "certs", "h11", "wsproto"]):
    from tests.fuzz.inputs import load

    target = load(sys.argv[1])

atheris.Setup([sys.argv[0], *sys.argv[2:]], target.check)
atheris.Fuzz()
