"""The principal: whose rights a use case checks. Every use case takes one."""

from dataclasses import dataclass

from salepixel.accounts.declined import NotAllowed


@dataclass(frozen=True, slots=True)
class Principal:
    """The rights of an API key, of a session that a key began, or of our own programs.

    `emp_id`: the only account; None for all accounts. `name` is for people.
    """

    emp_id: int | None
    name: str

    def allows(self, emp_id: int) -> bool:
        """True if it has access to the account."""
        return self.emp_id is None or self.emp_id == emp_id

    def require_all_accounts(self) -> None:
        """Check that it has access to all accounts. Raises NotAllowed."""
        if self.emp_id is not None:
            raise NotAllowed("not_allowed")


CANARY = 2**32 - 1
"""The account of the canaries (salepixel/watch/canary.py), the largest number that fits into a link.
Lists leave it out, and nobody can create an account with this number."""

INSTALLATION = Principal(None, "installation")
"""Our own programs: the worker, the scheduler, the command line."""
