"""Charts as SVG: values in, markup out (docs/adr/0058-charts-are-our-own-svg.md).

Positions across are percentages and positions down are pixels, so a chart fills its place on every screen
and its texts keep their size. Colours are classes of the page's style sheet. What a colour says, a pattern, a
dash or a text says, too. Each chart has a title and a description. The page has the values in a table behind
it.
"""
