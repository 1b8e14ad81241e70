"""The principal: whose rights a use case checks. Every use case takes one."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from salepixel.accounts.declined import NotAllowed


class Role(StrEnum):
    """What a principal may do in an account: see ROLES."""

    OWNER = "owner"
    EDITOR = "editor"
    VIEWER = "viewer"


class Change(StrEnum):
    """What a use case changes.

    ACCESS: people, keys, privacy and the secrets of shops, so what decides who gets data. CONTENT: all else.
    """

    CONTENT = "content"
    ACCESS = "access"


ROLES = {
    Role.OWNER: frozenset({Change.CONTENT, Change.ACCESS}),
    Role.EDITOR: frozenset({Change.CONTENT}),
    Role.VIEWER: frozenset[Change](),
}
"""What each role may change. All of them read."""


@dataclass(frozen=True, slots=True)
class Rights:
    """The rights in an account. `contacts`: whether references, addresses and names of contacts are shown."""

    role: Role = Role.OWNER
    contacts: bool = True


FULL = Rights()


def name_of(rights: Rights) -> str:
    """The role, or `hidden` for a viewer to whom contacts are not shown."""
    return str(rights.role) if rights.contacts else "hidden"


HIDDEN = "***"
"""In place of a contact that is not shown. Rows keep it, so that one sees that a contact is known."""


class KeyScope(StrEnum):
    """What an API key may do in its account. Stored.

    READ: what a viewer who sees contacts may. WRITE: what an owner may. SALES: only send orders through the
    sales API, and read nothing: for a shop's server.
    """

    READ = "read"
    WRITE = "write"
    SALES = "sales"


class ActorKind(StrEnum):
    """Who acts, in the audit list. Stored.

    STAFF: a user of a Saleor Dashboard. COMMAND: who may use the command line of the server. PROGRAM:
    salepixel itself. NOBODY: who did not sign in, or joins with the link of an invitation.
    """

    PERSON = "person"
    KEY = "key"
    STAFF = "saleor_staff"
    COMMAND = "command_line"
    PROGRAM = "salepixel"
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Principal:
    """The rights of a person, of an API key, of a session that a key began, or of our own programs.

    `rights`: by empId; the entry of None holds in all accounts. `name` is for people. `person_id`: None for
    a key and for our own programs; `kind`: what these are. `key_id`: of an API key. `sales_of`: the account
    of a key that may only send orders, and has no rights.
    """

    rights: Mapping[int | None, Rights]
    name: str
    person_id: str | None = None
    kind: ActorKind = ActorKind.KEY
    key_id: str = field(default="", compare=False)
    sales_of: int | None = None

    @property
    def actor(self) -> tuple[ActorKind, str]:
        """Its kind and id in the audit list; only people and keys have an id."""
        return (ActorKind.PERSON, self.person_id) if self.person_id else (self.kind, self.key_id)

    def allows(self, emp_id: int) -> bool:
        """True if it has access to the account."""
        return any(True for _ in self._rights(emp_id))

    def may_change(self, emp_id: int, what: Change = Change.CONTENT) -> bool:
        """True if it may change this in the account. An editor changes content, an owner all."""
        return any(what in ROLES[rights.role] for rights in self._rights(emp_id))

    def sees_contacts(self, emp_id: int) -> bool:
        """True if references, addresses and names of the account's contacts are shown to it."""
        return any(rights.contacts for rights in self._rights(emp_id))

    @property
    def accounts(self) -> frozenset[int] | None:
        """The accounts that it has access to; None: all. For lists: see scope.in_scope."""
        if None in self.rights:
            return None
        return frozenset(emp_id for emp_id in self.rights if emp_id is not None)

    @property
    def only_account(self) -> int | None:
        """Its account, if it has access to exactly one: pages show the menu of this account."""
        return next(iter(self.accounts)) if self.accounts is not None and len(self.accounts) == 1 else None

    def accounts_to_change(self, what: Change = Change.CONTENT) -> frozenset[int] | None:
        """The accounts in which it may change this; None: all."""
        may = {emp_id for emp_id, rights in self.rights.items() if what in ROLES[rights.role]}
        return None if None in may else frozenset(emp_id for emp_id in may if emp_id is not None)

    @property
    def may_add_accounts(self) -> bool:
        """True if it may create accounts: as an owner of the whole installation."""
        return self.accounts_to_change(Change.ACCESS) is None

    def shown(self, emp_id: int, contact: str) -> str:
        """A reference, address or name of a contact of the account as it is shown to this principal."""
        return contact if not contact or self.sees_contacts(emp_id) else HIDDEN

    def require_change(self, emp_id: int, what: Change = Change.CONTENT) -> None:
        """Check that it may change this in an account that it has access to. Raises NotAllowed."""
        if not self.may_change(emp_id, what):
            if what is Change.ACCESS:
                raise NotAllowed("for_owners")
            raise NotAllowed("read_only")

    def require_contacts(self, emp_id: int) -> None:
        """Check that contacts of an account that it has access to are shown to it. Raises NotAllowed."""
        if not self.sees_contacts(emp_id):
            raise NotAllowed("contacts_hidden")

    def require_all_accounts(self) -> None:
        """Check that it has access to all accounts. Raises NotAllowed."""
        if self.accounts is not None:
            raise NotAllowed("not_allowed")

    def require_ownership(self) -> None:
        """Check that it is an owner of the whole installation. Raises NotAllowed."""
        self.require_all_accounts()
        if not self.may_add_accounts:
            raise NotAllowed("for_owners")

    def _rights(self, emp_id: int) -> Iterator[Rights]:
        """Those of the account and of all accounts. One of them suffices: rights add up."""
        return (self.rights[key] for key in (emp_id, None) if key in self.rights)


CANARY = 2**32 - 1
"""The account of the canaries (salepixel/watch/canary.py), the largest number that fits into a link.
Lists leave it out, and nobody can create an account with this number."""

INSTALLATION = Principal({None: FULL}, "installation", kind=ActorKind.PROGRAM)
"""Our own programs: the worker and the scheduler."""

NOBODY = Principal({}, "", kind=ActorKind.NOBODY)
"""Whoever has a link that is the right to one thing, or tries a password."""

COMMAND_LINE = Principal({None: FULL}, "command line", kind=ActorKind.COMMAND)
"""Whoever may run commands on the server."""
