"""Open files: how many this process may have, raised as far as the system allows. For programs that hold thousands."""

import resource


def allow(wanted: int) -> None:
    """Raise the soft limit to `wanted`; say so and end the program where the hard one is lower."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted:
        if hard < wanted:
            raise SystemExit(f"{wanted} open files are wanted, {hard} allowed; type: ulimit -Hn {wanted}")
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
