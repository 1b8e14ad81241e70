"""What a log never contains, and that a log which cannot be written ends no process."""

import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import sqlalchemy as sa

from salepixel.logs import LineWriter, describe_error
from salepixel.storage.database import Database
from salepixel.storage.schema import api_keys

CANARY = "sp_canary-8c1f0ana@example.com"


def _run(script: str, rich: bool = False, **rest: int) -> subprocess.CompletedProcess[str]:
    """A process that logs as the services do, with `rich` as a developer has it, or without."""
    ignoring = ["-E"] if rich else []  # PYTHONPATH, which hides `rich`
    begin = (
        f"from salepixel.logs import configure_logs, log, lost_lines\nconfigure_logs()\nkey = {CANARY!r}\n"
    )
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | rest
    return subprocess.run(  # type: ignore[call-overload, no-any-return]
        [sys.executable, *ignoring, "-c", begin + textwrap.dedent(script)], text=True, check=False, **options
    )


WITH_A_SECRET_AT_HAND = {
    "a local variable": """
        try:
            1 / 0
        except ZeroDivisionError:
            log.exception("failed")
    """,
    "a message that quotes it": """
        try:
            int(key)
        except ValueError:
            log.exception("failed")
    """,
    "a cause that quotes it": """
        try:
            try:
                {}[key]
            except KeyError as error:
                raise RuntimeError("more of " + key) from error
        except RuntimeError:
            log.exception("failed")
    """,
    "several at once": """
        try:
            raise ExceptionGroup(key, [ValueError(key), KeyError(key)])
        except ExceptionGroup:
            log.exception("failed")
    """,
    "a note": """
        try:
            error = ValueError()
            error.add_note(key)
            raise error
        except ValueError:
            log.exception("failed")
    """,
    "a library that logs it": """
        import logging
        try:
            int(key)
        except ValueError:
            logging.getLogger("waitress").exception("failed: %s", key)
    """,
    "uncaught in a thread": """
        import threading
        thread = threading.Thread(target=int, args=(key,))
        thread.start()
        thread.join()
    """,
    "uncaught": "int(key)",  # ends the process
}


@pytest.mark.parametrize("rich", [True, False], ids=["rich", "no rich"])
def test_failures_are_logged_with_their_place_and_without_values(rich: bool) -> None:
    heads = [f"--- {name}\n" for name in WITH_A_SECRET_AT_HAND]
    scripts = map(textwrap.dedent, WITH_A_SECRET_AT_HAND.values())
    program = (
        f"print({head!r}, end='', flush=True)\n{script}\n"
        for head, script in zip(heads, scripts, strict=True)
    )
    ended = _run("".join(program), rich)
    assert CANARY not in ended.stdout + ended.stderr
    left = ended.stdout
    for head in reversed(heads):
        left, _, logged = left.rpartition(head)
        assert "Error" in logged or "ExceptionGroup" in logged, head
        assert "failed" in logged or "uncaught_error" in logged, head


def test_a_message_that_names_only_code_is_logged() -> None:
    ended = _run("""
        try:
            None.nothing
        except AttributeError:
            log.exception("failed", shop="s1")
        try:
            open("/none/at/all")
        except OSError:
            log.exception("failed")
    """)
    assert "'NoneType' object has no attribute 'nothing'" in ended.stdout
    assert "shop=s1" in ended.stdout
    assert "No such file or directory" in ended.stdout


def test_a_database_error_shows_no_parameter_and_no_row(database: Database) -> None:
    row = {"digest": CANARY, "id": CANARY}
    with pytest.raises(sa.exc.IntegrityError) as raised, database.write() as connection:
        connection.execute(sa.insert(api_keys), row)  # without a name
    assert CANARY not in describe_error(raised.value)
    assert "IntegrityError" in describe_error(raised.value)
    assert "[parameters" not in str(raised.value)


def test_a_full_log_disk_ends_no_process() -> None:
    with Path("/dev/full").open("w") as full:
        ended = _run(
            """
            import sys
            for _ in range(5):
                log.info("event")
            sys.stderr.write(str(lost_lines()))
            """,
            stdout=full.fileno(),
        )
    assert (ended.returncode, ended.stderr) == (0, "5")


def test_a_log_that_nobody_reads_ends_no_process() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    ended = _run("log.info('event')\nimport sys; sys.stderr.write(str(lost_lines()))", stdout=writer)
    os.close(writer)
    assert (ended.returncode, ended.stderr) == (0, "1")


def test_lost_log_lines_are_counted_in_the_next_line_that_is_written() -> None:
    reader, descriptor = os.pipe()
    os.set_blocking(descriptor, False)
    writer = LineWriter(descriptor)
    writer.msg("first")
    while not writer.lost:
        writer.msg("x" * 1000)
    writer.msg("x" * 5000)
    assert writer.lost == 2
    os.read(reader, 2**20)
    writer.msg("second")
    lines = os.read(reader, 2**20).decode().splitlines()
    assert re.fullmatch(r"\S+ \[warning  ] log_lines_lost count=[12]", lines[-2])
    assert lines[-1] == "second"
    os.close(reader)
    os.close(descriptor)


@pytest.mark.parametrize(
    "asked", [["rates", "show"], ["journal", "list"], ["rebuild", "--verify"]], ids=lambda asked: asked[0]
)
def test_every_command_logs_uncaught_errors_as_the_services_do(tmp_path: Path, asked: list[str]) -> None:
    script = textwrap.dedent(f"""
        import sys
        from salepixel.cli import main
        sys.argv[1:] = {asked!r}
        try:
            main()
        except BaseException:
            pass
        print(sys.excepthook.__module__)
    """)
    ended = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "SALEPIXEL_DATA": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stdout.splitlines()[-1] == "salepixel.logs", ended.stdout + ended.stderr
