"""People who sign in: their roles in accounts, invitations, passwords, second factor and sessions."""
