"""Tables of people who sign in, their memberships, invitations and sessions."""

import sqlalchemy as sa

from salepixel.storage.schema.columns import UtcTime, metadata

EVERYWHERE = 0
"""In place of an empId: the whole installation. Accounts begin with 1."""

_ROLES = "role IN ('owner', 'editor', 'viewer')"

people = sa.Table(
    "people",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("email", sa.Text, nullable=False),  # keys.normal_address
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("language", sa.Text, nullable=False),
    sa.Column("password", sa.Text, nullable=False),  # Argon2id, in its own format (PHC string); empty: none
    sa.Column("totp_secret", sa.Text, nullable=False),  # encrypted; empty: no second factor
    sa.Column("totp_step", sa.BigInteger, nullable=False),  # the step of the last code that was used
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("signed_in_at", UtcTime),
    sa.UniqueConstraint("email"),
)

memberships = sa.Table(
    "memberships",
    metadata,
    sa.Column("person_id", sa.Text, primary_key=True),
    sa.Column("emp_id", sa.BigInteger, primary_key=True, autoincrement=False),  # EVERYWHERE: all accounts
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("contacts", sa.Boolean, nullable=False),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.CheckConstraint(_ROLES, "ck_memberships_role"),
    sa.ForeignKeyConstraint(["person_id"], ["people.id"], "fk_memberships_person_id"),
    sa.Index(None, "emp_id"),
)

invitations = sa.Table(
    "invitations",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("digest", sa.Text, nullable=False),  # SHA-256 of the secret in the link, hex
    sa.Column("emp_id", sa.BigInteger, nullable=False),  # EVERYWHERE: all accounts
    sa.Column("email", sa.Text, nullable=False),  # empty: entered by the person with the link
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("contacts", sa.Boolean, nullable=False),
    sa.Column("person_id", sa.Text),  # a person who gets a new password, and no membership
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("expires_at", UtcTime, nullable=False),
    sa.CheckConstraint(_ROLES, "ck_invitations_role"),
    sa.UniqueConstraint("digest"),
    sa.Index(None, "emp_id"),
    sa.Index(None, "person_id"),
    sa.Index(None, "email"),
)

person_sessions = sa.Table(
    "person_sessions",
    metadata,
    sa.Column("digest", sa.Text, primary_key=True),  # SHA-256 of the id in the cookie, hex
    sa.Column("id", sa.Text, nullable=False),  # for ending it; does not reveal the id in the cookie
    sa.Column("person_id", sa.Text, nullable=False),
    sa.Column("browser", sa.Text, nullable=False),
    sa.Column("started_at", UtcTime, nullable=False),
    sa.Column("expires_at", UtcTime, nullable=False),
    sa.Column("needs_code", sa.Boolean, nullable=False),  # the password was right, the code is missing
    sa.UniqueConstraint("id"),
    sa.ForeignKeyConstraint(["person_id"], ["people.id"], "fk_person_sessions_person_id"),
    sa.Index(None, "person_id"),
    sa.Index(None, "expires_at"),
)

identities = sa.Table(
    "identities",
    metadata,
    sa.Column("issuer", sa.Text, primary_key=True),  # of the OpenID provider
    sa.Column("subject", sa.Text, primary_key=True),  # its name for the person
    sa.Column("person_id", sa.Text, nullable=False),
    sa.Column("created_at", UtcTime, nullable=False),
    # An address that was given to somebody else must not lead to the same person.
    sa.UniqueConstraint("person_id", "issuer"),
    sa.ForeignKeyConstraint(["person_id"], ["people.id"], "fk_identities_person_id"),
)

recovery_codes = sa.Table(
    "recovery_codes",
    metadata,
    sa.Column("person_id", sa.Text, primary_key=True),
    sa.Column("digest", sa.Text, primary_key=True),  # SHA-256 of person and code, hex
    sa.ForeignKeyConstraint(["person_id"], ["people.id"], "fk_recovery_codes_person_id"),
)
