"""The pages agree with the code, and with each other."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from salepixel.attribution.evidence import Rung
from salepixel.clicks.verdicts import BOUGHT, WEIGHTS
from salepixel.mailers.known import PLATFORMS
from salepixel.orders.outcome import Outcome, Reason
from salepixel.orders.requeue import DueReason
from salepixel.settings import PREFIX, EdgeSettings, PluginSettings, WorkerSettings
from salepixel.storage.schema import metadata
from salepixel.wire.jobs import ALLOWED
from salepixel_edge.health import judge_health, write_metrics
from salepixel_plugin.explanations import PIXEL_PROBLEM
from tests.edge.test_health import WELL

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("[!.]*/README.md")])
CODE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)


def read(page: str) -> str:
    return (ROOT / "docs" / page).read_text()


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as renderers generate them."""
    headings = re.findall(r"^#+ (.+)$", CODE.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_resolves(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)", CODE.sub("", page.read_text()))
    targets = [(page.parent / path if path else page, anchor) for path, anchor in links]
    assert [str(target) for target, _ in targets if not target.exists()] == []
    assert [anchor for target, anchor in targets if anchor and anchor not in anchors(target)] == []


def test_every_page_of_the_docs_is_in_the_index() -> None:
    index = read("README.md") + read("adr/README.md")
    missing = [p for p in ROOT.glob("docs/**/*.md") if p.name != "README.md" and p.name not in index]
    assert missing == []


def test_every_reason_is_explained() -> None:
    text = read("reference/reasons.md")
    names = [*Reason, BOUGHT]
    assert [name for name in names if f"`{name}`" not in text] == []
    assert [why for why in DueReason if f"| `{why}` |" not in text] == []
    assert [outcome for outcome in Outcome if outcome not in text] == []
    assert [name for name, weight in WEIGHTS.items() if f"`{name}` | {weight} |" not in text] == []


def test_every_type_of_evidence_is_explained() -> None:
    assert [rung for rung in Rung if f"**{rung}**" not in read("explanation/attribution.md")] == []


def test_every_reason_to_ignore_a_hit_is_explained() -> None:
    sources = [ROOT / "salepixel" / name for name in ("clicks/hits.py", "money/amounts.py")]
    sources.append(ROOT / "edge" / "salepixel_edge" / "pixel.py")
    named = r'(?:BadHit|BadMoney|Judgement)\("(\w+)"|\breason = "(\w+)"'
    names = {a or b for source in sources for a, b in re.findall(named, source.read_text())}
    assert {"no_empid", "bad_amount", "wrong_host", "unsigned"} <= names
    assert [name for name in sorted(names) if f"`{name}`" not in read("reference/edge.md")] == []
    # Those of a hit that can be given to no account are the edge's only.
    nobodys = {"no_empid", "bad_empid", "unknown_account", "wrong_host"}
    assert names - nobodys <= set(PIXEL_PROBLEM)


def test_every_refusal_of_a_delivery_or_registration_is_listed() -> None:
    folder = ROOT / "plugin" / "salepixel_plugin"
    text = (read("reference/reasons.md") + (ROOT / "plugin" / "README.md").read_text()).lower()
    named = r'(?:UntrustedDelivery|BadSignature|UnknownKey|_refuse|Unreadable)\(\s*"(\w+)"'
    named += r'|_Failure\(\d+, "(\w+)"'
    sources = [*(ROOT / "salepixel" / "shops").rglob("*.py"), *folder.glob("saleor/*.py")]
    names = {(a or b).lower() for source in sources for a, b in re.findall(named, source.read_text())}
    assert {"unknown_installation", "mixed_currencies", "saleor_url_prohibited"} <= names
    assert [name for name in sorted(names) if f"`{name}`" not in text] == []


def test_every_field_of_the_edges_health_is_explained() -> None:
    names = judge_health([WELL], 1)[1]
    assert [name for name in names if f"`{name}`" not in read("how-to/operate.md")] == []


def test_every_metric_of_the_edge_is_explained() -> None:
    names = re.findall(rb"^(salepixel_\w+)\{", write_metrics([WELL]), re.MULTILINE)
    assert [name for name in names if f"`{name.decode()}" not in read("how-to/operate.md")] == []


@pytest.mark.parametrize("key", [key for key in PLATFORMS if key != "plain"])
def test_every_fact_about_an_e_mail_platform_is_in_its_section(key: str) -> None:
    platform, text = PLATFORMS[key], read("how-to/e-mail-platforms.md").replace("\\|", "|")
    section = text.partition(f"\n## {platform.name}\n")[2].partition("\n## ")[0]
    in_code = [key, platform.contact_tag, platform.off_for_link, *platform.appends]
    in_text = [platform.field_for_reference, platform.off_for_mail, platform.paste]
    pages = [one.page for one in platform.sources]
    assert [one for one in in_code if one and f"`{one}`" not in section] == []
    assert [one for one in in_text + pages if one not in section] == []


HOW_TOS = sorted((ROOT / "docs" / "how-to").glob("*.md"))


@pytest.mark.parametrize("page", HOW_TOS, ids=lambda page: page.stem)
def test_every_variable_of_a_how_to_is_explained_on_its_page(page: Path) -> None:
    text = page.read_text()
    prose = CODE.sub("", text)
    used = set(re.findall(r"\$([A-Z]+)\b", "".join(CODE.findall(text))))
    assert [name for name in sorted(used) if f"`${name}`" not in prose] == []


def test_every_setting_named_in_the_docs_exists() -> None:
    kinds = (EdgeSettings, PluginSettings, WorkerSettings)
    settings = {PREFIX + field.name.upper() for kind in kinds for field in fields(kind)}
    named = {name for page in PAGES for name in re.findall(r"SALEPIXEL_\w+", page.read_text())}
    assert named - settings == set()


def test_every_make_target_named_in_the_docs_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {
        name for page in PAGES for name in re.findall(r"(?:`|^|=\S+ )make ([a-z-]+)", page.read_text(), re.M)
    }
    assert {"demo", "test", "run", "check", "bench", "lock"} <= named
    assert named - targets == set()


def test_every_table_named_in_the_docs_exists() -> None:
    named = re.findall(r"tables? `(\w+)`", "".join(page.read_text() for page in PAGES))
    assert {"deliveries", "losses", "outbox"} <= set(named) <= set(metadata.tables)


def test_every_file_of_a_service_is_listed_in_its_readme() -> None:
    worker = ROOT / "worker"
    files = [path.name for path in worker.glob("salepixel_worker/[a-z]*.py")]
    assert [name for name in files if f"`{name}`" not in (worker / "README.md").read_text()] == []
    assert {job.rpartition(".")[0] for job in ALLOWED} == {"salepixel_worker.jobs"}


def test_the_commands_of_the_readme_come_first() -> None:
    commands = re.findall(r"^```\n(.*?)^```", (ROOT / "README.md").read_text(), re.DOTALL | re.MULTILINE)
    assert [line.partition("#")[0].strip() for line in commands[0].splitlines()] == [
        "make demo ONCE=1",
        "make test",
    ]
