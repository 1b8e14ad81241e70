"""Who asks for something: every use case takes a principal and checks it itself."""

from dataclasses import dataclass

from salepixel.accounts.declined import NotAllowed


@dataclass(frozen=True, slots=True)
class Principal:
    """The rights of whoever asks: an API key, a session that a key began, or a program of ours.

    All accounts when `emp_id` is None, else that account only. `name` is for people.
    """

    emp_id: int | None
    name: str

    def allows(self, emp_id: int) -> bool:
        """True when the account is open to it."""
        return self.emp_id is None or self.emp_id == emp_id

    def require_all_accounts(self) -> None:
        """Return when all accounts are open to it. Raises NotAllowed."""
        if self.emp_id is not None:
            raise NotAllowed("not_allowed")


INSTALLATION = Principal(None, "installation")
"""Our own programs: the worker, the scheduler, the command line."""
