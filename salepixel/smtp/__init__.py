"""E-mail that salepixel sends: the SMTP settings of accounts, and the connection to their servers."""
