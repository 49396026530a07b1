"""Memory: what was freed, given back to the system. The C library keeps it, in pieces, for a crowd that has long left."""

import sys

if sys.platform == "linux":

    def give_back() -> None:
        """Have the C library return what it holds and nobody uses; 20 ms for 250 MB, without Python's lock."""
        import ctypes  # only here: most fronts never see a crowd

        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:  # glibc has it, musl need not
            trim(0)

else:

    def give_back() -> None:
        """Do nothing: what macOS and Windows allocate from returns memory by itself."""
