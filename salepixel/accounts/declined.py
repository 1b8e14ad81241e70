"""Why a use case does not do what it was asked for: a kind of answer, and a reason by name.

A door gives each kind its status and each reason its sentence; a command prints the error as it is.
"""


class Declined(Exception):
    """Not done, and nothing was changed. `reason` is its name, `words` are what its sentence names."""

    def __init__(self, reason: str, **words: object) -> None:
        self.reason = reason
        self.words = words
        super().__init__(" ".join([reason, *(f"{name}={value}" for name, value in words.items())]))


class NotFound(Declined):
    """There is no such thing, or it is of an account that the principal may not see: both look the same."""

    def __init__(self, what: str) -> None:
        super().__init__("not_found", what=what)


class UnknownAccount(Declined):
    """Something is to be made in an account that does not exist."""

    def __init__(self, emp_id: int) -> None:
        super().__init__("unknown_account", emp_id=emp_id)


class NotAllowed(Declined):
    """The principal's rights do not suffice."""


class Conflict(Declined):
    """The present state does not admit it."""


class Invalid(Declined):
    """What was sent can never be done, whatever the state."""


class BadField(Invalid):
    """One field cannot be what it is; `said` is why, for people. `part`: the item of the field at fault."""

    def __init__(self, field: str, said: str, part: str | None = None) -> None:
        self.field, self.said, self.part = field, said, part
        super().__init__("invalid", field=field, said=said)
