"""The e-mail of a campaign: its links, found in HTML, text and MIME, and replaced byte by byte."""
