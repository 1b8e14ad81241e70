"""The journals in Redis: which have records to fold, and the marks up to which they are in the database.

Each function costs the same few round trips however many journals there are. An edge without a lasting disk
leaves a name with each start; with a query for each, 1,000 of them cost 352 ms before each order.
"""

from collections.abc import Mapping
from typing import cast

from redis import Redis

from salepixel.wire.streams import IDLE_JOURNALS_KEY, JOURNALS_KEY, mark_key, stream_key

# A script, because it is atomic: between two calls a record could be added to a stream.
_SET_ASIDE = """
for i, name in ipairs(ARGV) do
    if redis.call('XLEN', KEYS[i + 2]) == 0 then redis.call('SMOVE', KEYS[1], KEYS[2], name) end
end
"""


def journals_to_fold(redis: Redis) -> list[str]:
    """The journals with records in Redis, by name."""
    names = _names(redis, JOURNALS_KEY)
    if not names:
        return []
    pipeline = redis.pipeline(transaction=False)
    for name in names:
        pipeline.xlen(stream_key(name))
    return [name for name, length in zip(names, pipeline.execute(), strict=True) if length]


def mark_folded_journals_idle(redis: Redis) -> None:
    """Forget the journals without records in Redis: folds skip them until a record is shipped.

    Their marks stay, and `known_journals` still lists them: the database may be restored from a backup.
    """
    if names := _names(redis, JOURNALS_KEY):
        keys = [JOURNALS_KEY, IDLE_JOURNALS_KEY, *map(stream_key, names)]
        redis.eval(_SET_ASIDE, len(keys), *keys, *names)


def known_journals(redis: Redis) -> list[str]:
    """The names of all journals that Redis knows."""
    return sorted({*_names(redis, JOURNALS_KEY), *_names(redis, IDLE_JOURNALS_KEY)})


def published_marks(redis: Redis, journals: list[str]) -> dict[str, int]:
    """The published marks by journal; journals without one are left out."""
    if not journals:
        return {}
    marks = cast(list[bytes | None], redis.mget([mark_key(name) for name in journals]))
    return {name: int(mark) for name, mark in zip(journals, marks, strict=True) if mark is not None}


def publish_marks(redis: Redis, marks: Mapping[str, int]) -> None:
    """Publish marks, and trim the streams up to these marks."""
    pipeline = redis.pipeline(transaction=False)
    for journal, mark in marks.items():
        pipeline.set(mark_key(journal), mark)
        pipeline.xtrim(stream_key(journal), minid=f"{mark}-1", approximate=False)
    pipeline.execute()


def _names(redis: Redis, key: str) -> list[str]:
    return sorted(name.decode() for name in cast(set[bytes], redis.smembers(key)))
