"""The one error of this room: what went wrong, and what to type next.

Leaves printing to whoever called.  There is one class because callers do one thing with it: show both sentences.
"""


class CertsError(Exception):
    """Something about keys, certificates or trust stores that a person can put right.

    Args:
      what: What happened, to which value or file; lower case, no full stop.
      hint: What to do about it: a command to type, where there is one.
    """

    def __init__(self, what: str, hint: str) -> None:
        super().__init__(what, hint)
        self.what = what
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.what}; {self.hint}"
