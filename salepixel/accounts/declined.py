"""Why a use case was declined: a kind, and a reason by name.

The API and the pages have a status for each kind and a sentence for each reason. A command prints the error.
"""


class Declined(Exception):
    """The use case was not done, and nothing changed. `words`: the values in the sentence of `reason`."""

    def __init__(self, reason: str, **words: object) -> None:
        self.reason = reason
        self.words = words
        super().__init__(" ".join([reason, *(f"{name}={value}" for name, value in words.items())]))


class NotFound(Declined):
    """It does not exist, or belongs to an account that the principal cannot see: both look the same."""

    def __init__(self, what: str) -> None:
        super().__init__("not_found", what=what)


class UnknownAccount(Declined):
    """Something would be created in an account that does not exist."""

    def __init__(self, emp_id: int) -> None:
        super().__init__("unknown_account", emp_id=emp_id)


class NotAllowed(Declined):
    """The principal's rights do not suffice."""


class Conflict(Declined):
    """The present state does not allow it."""


class Invalid(Declined):
    """The input is invalid, whatever the state."""


class BadField(Invalid):
    """A field is invalid. `problem`: why, for people. `part`: the invalid item of the field."""

    def __init__(self, field: str, problem: str, part: str | None = None) -> None:
        self.field, self.problem, self.part = field, problem, part
        super().__init__("invalid", field=field, problem=problem)
