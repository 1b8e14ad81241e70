"""The edge: redirects e-mail clicks and accepts pixel hits, each on disk before the answer."""
