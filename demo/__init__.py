"""`make demo`: three months of a small shop, played through the real services.

`demo.play.playing_three_months(stack)` fills a running stack with them, and keeps the two shops running while
it is used as a context manager. Browser tests and screenshots use it, too.
"""
