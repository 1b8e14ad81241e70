"""Pictures of pages for the docs, made by the browser tests if `SCREENSHOTS` is set (`make pictures`).

They are WebP, which Chromium itself writes: a third of the size of a PNG.
"""

import base64
import os
from pathlib import Path

from playwright.sync_api import Page

WANTED = "SCREENSHOTS" in os.environ
DOCS = Path(__file__).parents[2] / "docs"
GUIDES, VIEWS = DOCS / "how-to" / "pictures", DOCS / "reference" / "pictures"

_ENCODE = """async ([picture, share]) => {
  const image = new Image();
  image.src = `data:image/png;base64,${picture}`;
  await image.decode();
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [Math.round(image.width * share), Math.round(image.height * share)];
  const pen = canvas.getContext("2d");
  pen.imageSmoothingQuality = "high";
  pen.drawImage(image, 0, 0, canvas.width, canvas.height);
  return canvas.toDataURL("image/webp", 0.55).split(",")[1];
}"""


def take(page: Page, path: Path, *, tallest: int = 0, share: float = 1.0) -> None:
    """Write a picture of a page as it is now, without its ending.

    `tallest`: of so many pixels from the top; 0: of the window alone. `share`: its size, of the page's.
    """
    window = page.viewport_size
    assert window is not None
    height = page.evaluate("document.documentElement.scrollHeight")
    area = {"x": 0, "y": 0, "width": window["width"], "height": min(height, tallest or window["height"])}
    shot = page.screenshot(full_page=True, clip=area, animations="disabled")  # type: ignore[arg-type]
    blank = page.context.new_page()  # the policy of our pages allows no picture in an address
    written = blank.evaluate(_ENCODE, [base64.b64encode(shot).decode(), share])
    blank.close()
    path.parent.mkdir(exist_ok=True)
    path.with_suffix(".webp").write_bytes(base64.b64decode(written))
