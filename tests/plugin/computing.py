"""Does what the worker does with the computations of an office."""

from salepixel.computations.work import Tools
from salepixel.money.rates import SHIPPED
from salepixel_worker.computing import compute_some
from tests.plugin.conftest import Office


def work(office: Office, *, steps: int | None = None) -> None:
    """Do so many steps, or all."""
    tools = Tools(office.sealer, SHIPPED)
    if steps is None:
        assert not compute_some(office.database, tools, 60)
    for _ in range(steps or 0):
        compute_some(office.database, tools, 0)
