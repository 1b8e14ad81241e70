"""The newsletters of the demo: when each was sent and to whom, and its HTML with drawn pictures."""

from base64 import b64encode
from dataclasses import dataclass

from demo.catalogue import BY_SLUG, SITE

JOURNAL = f"https://{SITE}/journal/"
"""Pages to read: their links are tracked, and earn no sales."""

SALE = f"https://{SITE}/collections/"

_INK, _PAPER, _CLAY = "#3b2f2a", "#fffdf8", "#a2492c"


@dataclass(frozen=True, slots=True)
class Mailing:
    """An e-mail of the demo, and how people react to it.

    `days_ago`, `weekday`, `hour`, `minute`: it was sent on the last such weekday (0: Monday) so many days
    ago, in the account's time zone. `share`: the share of the list that got it. `clicks`: clickers among the
    recipients; `buys`: buyers among the clickers. `holdout`: the control group in percent. `links`: how often
    each destination is clicked.
    """

    name: str
    days_ago: int
    weekday: int
    hour: int
    minute: int
    share: float
    clicks: float
    buys: float
    title: str
    text: str
    button: tuple[str, str]
    slugs: tuple[str, ...]
    story: tuple[str, str]
    colours: tuple[str, str]
    holdout: int = 0

    @property
    def links(self) -> dict[str, int]:
        """Each destination that is tracked, with its share of the clicks."""
        goods = {BY_SLUG[slug].url: weight for slug, weight in zip(self.slugs, (6, 4, 3), strict=False)}
        return {self.hero: 5, **goods, self.button[1]: 8, self.story[1]: 2, f"https://{SITE}/": 1}

    @property
    def hero(self) -> str:
        """Where the picture at the top leads."""
        return f"{self.button[1]}?from=picture"

    def html(self) -> str:
        """The newsletter, as the shop pastes it."""
        top, ground = self.colours
        goods = "".join(_card(slug, ground) for slug in self.slugs)
        return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{self.title}</title></head>
<body style="margin:0;background:{ground};font-family:Georgia,serif;color:{_INK}">
<table role="presentation" width="100%"><tr><td align="center">
<table role="presentation" width="600" style="background:{_PAPER};margin:24px">
<tr><td align="center" style="padding:24px"><a href="https://{SITE}/" style="color:{_INK};
text-decoration:none;font-size:22px;letter-spacing:4px">CLAY &amp; LINEN</a></td></tr>
<tr><td><a href="{self.hero}"><img src="{_scene(top, ground)}" width="600" height="260" alt="{self.title}"
style="display:block;width:100%"></a></td></tr>
<tr><td align="center" style="padding:28px 48px"><h1 style="font-weight:400;font-size:30px">{self.title}</h1>
<p style="font-size:17px;line-height:1.6">{self.text}</p>
<p style="margin:28px"><a href="{self.button[1]}" style="background:{_CLAY};color:#fff;padding:14px 32px;
text-decoration:none;font-family:Helvetica,Arial,sans-serif">{self.button[0]}</a></p></td></tr>
<tr><td style="padding:0 24px"><table role="presentation" width="100%"><tr>{goods}</tr></table></td></tr>
<tr><td align="center" style="padding:28px 48px;border-top:1px solid {ground}">
<p style="line-height:1.6">From the workshop:
<a href="{self.story[1]}" style="color:{_CLAY}">{self.story[0]}</a></p>
<p style="font-size:12px">You get this letter because you asked for it at {SITE}.
<a href="https://platform.test/unsubscribe" style="color:{_INK}">Unsubscribe</a></p></td></tr>
</table></td></tr></table></body></html>"""


def _card(slug: str, ground: str) -> str:
    item = BY_SLUG[slug]
    return f"""<td width="33%" align="center" valign="top" style="padding:8px">
<a href="{item.url}" style="color:{_INK};text-decoration:none">
<img src="{_thing(slug, ground)}" width="160" height="150" alt=""><br>{item.name}</a>
<br><small>{item.euros} €</small></td>"""


_SHAPES = {
    "breakfast-bowl": "M30 60 H130 Q124 112 80 112 Q36 112 30 60 Z",
    "espresso-cups": "M40 62 H88 V92 Q88 108 64 108 Q40 108 40 92 Z"
    "M92 74 H132 V96 Q132 110 112 110 Q92 110 92 96 Z",
    "dinner-plates": "M18 92 Q80 112 142 92 L126 104 H34 Z M18 78 Q80 98 142 78 L126 90 H34 Z",
    "teapot": "M48 64 Q80 44 112 64 Q126 100 80 110 Q34 100 48 64 Z"
    "M114 74 L142 58 L136 84 L116 92 Z M76 40 h8 v8 h-8 Z",
    "serving-dish": "M16 78 Q80 62 144 78 Q128 110 80 110 Q32 110 16 78 Z",
    "linen-napkins": "M44 44 L116 52 L108 108 L36 100 Z M52 38 L124 46 L122 56 L50 48 Z",
    "linen-apron": "M62 30 H98 L106 64 H122 V118 H38 V64 H54 Z",
    "tea-towels": "M44 32 H76 V116 H44 Z M84 40 H116 V108 H84 Z",
    "vase": "M70 30 H90 V56 Q112 76 104 104 Q80 118 56 104 Q48 76 70 56 Z",
}


def _thing(slug: str, ground: str) -> str:
    return _picture(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 160 150"><rect width="160" height="150" '
        f'fill="{ground}"/><path d="{_SHAPES[slug]}" fill="{_CLAY}" stroke="{_INK}" stroke-width="2"/></svg>'
    )


def _scene(top: str, ground: str) -> str:
    shapes = "".join(
        f'<path transform="translate({60 + 170 * place} 70) scale(1.15)" d="{_SHAPES[slug]}" fill="{fill}"/>'
        for place, (slug, fill) in enumerate(
            (("vase", _PAPER), ("breakfast-bowl", _CLAY), ("espresso-cups", _INK))
        )
    )
    return _picture(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 600 260"><rect width="600" height="260" '
        f'fill="{top}"/><rect y="196" width="600" height="64" fill="{ground}"/>{shapes}</svg>'
    )


def _picture(svg: str) -> str:
    return f"data:image/svg+xml;base64,{b64encode(svg.encode()).decode()}"


MAILINGS = (
    Mailing(
        name="The speckled stoneware is here",
        days_ago=78,
        weekday=1,
        hour=10,
        minute=0,
        share=0.92,
        clicks=0.026,
        buys=0.030,
        title="The speckled stoneware is here",
        text="Two glazes, eleven months of trials, and one bowl that we use every morning. "
        "The first firing is in the shop today.",
        button=("See the range", f"{SALE}stoneware"),
        slugs=("breakfast-bowl", "espresso-cups", "dinner-plates"),
        story=("Why no two speckles are alike", f"{JOURNAL}speckles"),
        colours=("#8fa3a0", "#eef0ea"),
    ),
    Mailing(
        name="Friends of the workshop: 15 % off linen",
        days_ago=49,
        weekday=3,
        hour=18,
        minute=30,
        share=0.34,
        clicks=0.036,
        buys=0.040,
        title="Fifteen percent off, for friends",
        text="You have bought from us before, so you get the washed linen first, and for less, until Sunday.",
        button=("Shop linen", f"{SALE}linen"),
        slugs=("linen-napkins", "linen-apron", "tea-towels"),
        story=("How linen gets softer each year", f"{JOURNAL}linen"),
        colours=("#b7a99a", "#f3eee6"),
    ),
    Mailing(
        name="How we fire a bowl",
        days_ago=35,
        weekday=6,
        hour=9,
        minute=30,
        share=0.95,
        clicks=0.016,
        buys=0.012,
        title="How we fire a bowl",
        text="Forty hours, 1,260 degrees, and a night shift with a flask of tea: "
        "this is what happens in the kiln.",
        button=("Read the story", f"{JOURNAL}firing"),
        slugs=("breakfast-bowl", "teapot", "vase"),
        story=("Visit the workshop", f"{JOURNAL}visit"),
        colours=("#c98d6b", "#f6ece3"),
    ),
    Mailing(
        name="The gift guide",
        days_ago=17,
        weekday=1,
        hour=10,
        minute=0,
        share=0.97,
        clicks=0.036,
        buys=0.040,
        title="Gifts that stay on the table",
        text="For the one who cooks, the one who hosts, and the one who says that nothing is needed: "
        "nine presents, wrapped by us.",
        button=("Open the gift guide", f"{SALE}gifts"),
        slugs=("espresso-cups", "linen-apron", "serving-dish"),
        story=("How we wrap", f"{JOURNAL}wrapping"),
        colours=("#6f7f6a", "#edf0e6"),
        holdout=20,
    ),
    Mailing(
        name="Last pieces of the season",
        days_ago=1,
        weekday=3,
        hour=18,
        minute=30,
        share=1.0,
        clicks=0.030,
        buys=0.034,
        title="Last pieces of the season",
        text="When these are gone, the kiln moves on to something new. Shipping is free until Sunday night.",
        button=("See what is left", f"{SALE}last-pieces"),
        slugs=("dinner-plates", "teapot", "linen-napkins"),
        story=("What comes next", f"{JOURNAL}next"),
        colours=("#a2788a", "#f4ebee"),
    ),
)
"""Five newsletters, oldest first."""

FLOW = "Left in the basket"
FLOW_MAILS = (
    ("You left something behind", 2.0, 0.12),
    ("Still thinking it over?", 26.0, 0.07),
)
"""The e-mails of the flow: name, hours after the basket was left, share of recipients who click."""

FLOW_BUYS = 0.15
"""Buyers among the clickers of the flow: they had the goods in their basket already."""
