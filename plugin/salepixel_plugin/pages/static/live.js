// Asks for the rows of a page again every few seconds, while somebody looks at it.
const rows = document.getElementById("rows"), button = document.getElementById("pause");
const seconds = Number(rows.dataset.seconds), minutes = Number(rows.dataset.minutes);
let tag = "", paused = false, touched = Date.now();

function show() { button.textContent = paused ? button.dataset.resume : button.dataset.pause; }

function nameOf(link) { return `${link.getAttribute("href")} ${link.closest("tr")?.querySelector("time").dateTime}`; }

async function refresh() {
  if (Date.now() - touched > minutes * 60000) { paused = true; show(); }
  if (paused || document.hidden) return;
  try {
    const answer = await fetch(rows.dataset.from, { headers: tag ? { "If-None-Match": tag } : {} });
    if (answer.redirected) location.reload();  // the session has ended
    if (answer.status !== 200) return;
    const read = new DOMParser().parseFromString(await answer.text(), "text/html");
    // The link with the focus keeps it in the new rows. If it is not there, the rows stay, because the place would be lost.
    const held = rows.contains(document.activeElement) && nameOf(document.activeElement);
    const twin = held && [...read.body.querySelectorAll("a")].find((link) => nameOf(link) === held);
    if (held && !twin) return;
    tag = answer.headers.get("X-Rows") ?? "";
    rows.replaceChildren(...read.body.childNodes);
    twin && twin.focus({ preventScroll: true });
  } catch { /* the network is away: the next turn asks again */ }
}

for (const kind of ["pointermove", "keydown", "scroll"]) {
  addEventListener(kind, () => { touched = Date.now(); }, { passive: true });
}
button.hidden = false;
button.addEventListener("click", () => { paused = !paused; touched = Date.now(); show(); refresh(); });
show();
setInterval(refresh, seconds * 1000);
