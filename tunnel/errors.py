"""What can go wrong, said once: whose fault, what happened, what to do.

Every error that a user may see is a `TunnelError`. Pure code raises it, `proxy.forward` answers it, `cli.main` prints it.
A subclass exists only where somebody catches it.
"""

import enum
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self


class Fault(enum.StrEnum):
    """Whose side an error lies on."""

    CLIENT = "client"
    UPSTREAM = "upstream"
    TUNNEL = "tunnel"


class TunnelError(Exception):
    """An error that a person can act on.

    Args:
      what: What happened, with the value that was wrong; lower case, no full stop.
      hint: What to do next, a command to type where there is one; may be empty.
      status: The HTTP status to answer with, where an exchange is open (RFC 9110 §15).
      fault: Whose side it lies on.
      exit_code: What the command ends with when nobody answers it (see docs/command.md).

    Attributes:
      fields: What the answer's head says of it besides.
    """

    fields: tuple[tuple[bytes, bytes], ...] = ()

    def __init__(
        self, what: str, *, hint: str = "", status: int = 500, fault: Fault = Fault.TUNNEL, exit_code: int = 1
    ) -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint
        self.status = status
        self.fault = fault
        self.exit_code = exit_code

    def alone(self) -> Self:
        """Return the error without what led to it, for whoever keeps it.

        A traceback holds the frames that the error passed through, and they hold buffers, a connection, and often what keeps
        the error: only the garbage collector would free them, some thousand failed exchanges later.
        """
        self.__traceback__ = self.__cause__ = self.__context__ = None
        return self


class ClientError(TunnelError):
    """The client broke a rule or left; answered with a 4xx where there is still somebody to answer."""

    def __init__(self, what: str, *, status: int = 400, hint: str = "") -> None:
        super().__init__(what, hint=hint, status=status, fault=Fault.CLIENT)


class ClientGone(ClientError):
    """The client left; there is nobody to answer."""


class UpstreamError(TunnelError):
    """The upstream cannot be reached or broke a rule; answered with a 502 or 504.

    Args:
      unanswered: No byte of an answer was seen, so a request that may be sent twice may be sent again.
    """

    def __init__(self, what: str, *, status: int = 502, hint: str = "", unanswered: bool = False) -> None:
        super().__init__(what, hint=hint, status=status, fault=Fault.UPSTREAM)
        self.unanswered = unanswered


class UsageError(TunnelError):
    """The words of a command or a config file are wrong."""

    def __init__(self, what: str, *, hint: str = "") -> None:
        super().__init__(what, hint=hint, exit_code=2)


@contextmanager
def one_error() -> Iterator[None]:
    """Raise the first of our errors out of a nursery's group alone, with the group as its cause.

    A nursery wraps even a single error in a group; whoever answers an error wants the error.
    """
    try:
        yield
    except BaseExceptionGroup as group:
        ours, others = group.split(TunnelError)
        if others is not None:
            raise
        error: BaseException | None = ours
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        assert error is not None, "a group holds at least one error"
        try:
            raise error from group
        finally:
            del ours, error  # their tracebacks hold this frame: a circle, which garbage collection would find late
