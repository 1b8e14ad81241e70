"""The edge: redirects e-mail clicks and takes pixel hits, each on disk before it is answered."""
