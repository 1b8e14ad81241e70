"""`make bench`: figures as ratios to a yardstick, several rounds in turn, in one run on one machine."""

import platform
import subprocess
import tempfile
import time
from pathlib import Path

from redis.exceptions import RedisError

from bench import edge, fold, webhook
from salepixel.embedded import valkey_command
from salepixel.redis import open_redis


def main() -> None:
    """Run all, one after the other."""
    print(f"{platform.platform()}, {platform.machine()}, Python {platform.python_version()}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        socket = Path(folder) / "valkey.sock"
        valkey = subprocess.Popen(valkey_command(Path(folder), socket), stdout=subprocess.DEVNULL)
        redis = open_redis(f"unix://{socket}", timeout_seconds=30)
        for _ in range(200):
            try:
                redis.ping()
                break
            except RedisError:
                time.sleep(0.05)
        try:
            for subject in (fold, webhook):
                print(subject.run(redis).line(), flush=True)
        finally:
            redis.close()
            valkey.terminate()
            valkey.wait()
    with tempfile.TemporaryDirectory() as folder:
        print("\n".join(edge.run(Path(folder))), flush=True)


if __name__ == "__main__":
    main()
