// Asks for the rows of a page again every few seconds, while somebody looks at it.
const rows = document.getElementById("rows"), button = document.getElementById("pause");
const seconds = Number(rows.dataset.seconds), minutes = Number(rows.dataset.minutes);
let tag = "", paused = false, touched = Date.now();

function show() { button.textContent = paused ? button.dataset.resume : button.dataset.pause; }

async function refresh() {
  if (Date.now() - touched > minutes * 60000) { paused = true; show(); }
  // Rows that somebody is in with the keyboard stay: replacing them would lose the place.
  if (paused || document.hidden || rows.contains(document.activeElement)) return;
  try {
    const answer = await fetch(rows.dataset.from, { headers: tag ? { "If-None-Match": tag } : {} });
    if (answer.redirected) location.reload();  // the session has ended
    if (answer.status !== 200) return;
    tag = answer.headers.get("X-Rows") ?? "";
    const read = new DOMParser().parseFromString(await answer.text(), "text/html");
    rows.replaceChildren(...read.body.childNodes);
  } catch { /* the network is away: the next turn asks again */ }
}

for (const kind of ["pointermove", "keydown", "scroll"]) {
  addEventListener(kind, () => { touched = Date.now(); }, { passive: true });
}
button.hidden = false;
button.addEventListener("click", () => { paused = !paused; touched = Date.now(); show(); refresh(); });
show();
setInterval(refresh, seconds * 1000);
