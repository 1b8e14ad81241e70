// Shows the report inside Saleor's Dashboard. The Dashboard sends its token by messages; each call brings the token,
// and its answer becomes the page. No cookie is used. The messages are those of @saleor/app-sdk 1.15 (app-bridge).
const { shop, start, dashboards, failed, theme } = document.body.dataset, origins = dashboards.split(" ");
let token = "", language = navigator.language, shown = start, newest = 0, renewed = () => {};
const here = (written) => new URL(written || shown, new URL(shown, location.origin));

function send(type, payload = {}) {
  const actionId = crypto.randomUUID?.() ?? String(Math.random()); // there is no randomUUID without https
  for (const origin of origins) parent.postMessage({ type, payload: { ...payload, actionId } }, origin);
}

function paint(theme) {
  if (!["dark", "light"].includes(theme)) return;
  document.documentElement.style.colorScheme = theme;
  for (const { media } of [...document.styleSheets].flatMap((sheet) => [...sheet.cssRules])) {
    if (!media?.isFor && !media?.mediaText.includes("prefers-color-scheme")) continue;
    media.isFor ??= media.mediaText.includes("dark") ? "dark" : "light";
    media.mediaText = media.isFor === theme ? "all" : "not all";
  }
}

addEventListener("message", ({ source, origin, data }) => {
  if (source !== parent || !origins.includes(origin)) return;
  const payload = data?.payload ?? {}, isFirst = !token;
  if (data?.type === "handshake" || data?.type === "tokenRefresh") {
    token = String(payload.token ?? "");
    renewed();
    if (isFirst && token) load(start);
  } else if (data?.type === "theme") {
    paint(payload.theme);
  } else if (data?.type === "localeChanged" && payload.locale !== language) {
    language = String(payload.locale);
    if (token) load(shown);
  }
});

async function ask(path, options, mayRenew = true) {
  const headers = { Authorization: `Bearer ${token}`, "Salepixel-Shop": shop, "Accept-Language": language };
  // With the origin, because of a path such as //other.test the browser makes another host.
  const answer = await fetch(location.origin + path, { ...options, headers, credentials: "omit" });
  if (answer.status !== 401 || !mayRenew) return answer;
  const newToken = new Promise((resolve) => { renewed = resolve; setTimeout(resolve, 5000); });
  send("notifyReady"); // the Dashboard answers with its newest token
  await newToken;
  return ask(path, options, false);
}

async function load(path, options = {}) {
  const mine = ++newest, [address, place] = path.split("#");
  document.body.ariaBusy = "true";
  try {
    const answer = await ask(address, options), content = await answer.blob();
    if (mine !== newest) return;
    if (answer.headers.get("Content-Disposition")?.startsWith("attachment")) save(answer, content);
    else show(new DOMParser().parseFromString(await content.text(), "text/html"), new URL(answer.url), place);
  } catch {
    document.querySelector("[role=status], main").textContent = failed;
  }
  document.body.ariaBusy = "false";
}

function show(page, { pathname, search }, place) {
  const before = shown, again = page.querySelector("meta[http-equiv=refresh]"), mine = newest;
  shown = pathname + search;
  [document.title, document.documentElement.lang] = [page.title, page.documentElement.lang];
  document.body.replaceChildren(...page.body.childNodes);
  history.replaceState(null, "", `/saleor/app/${shop}${shown}`);
  if (shown !== before) send("updateRouting", { newRoute: shown });
  if (shown !== before || place) { // not if a page reloads itself
    Object.assign(document.getElementById("main"), { tabIndex: -1 }).focus({ preventScroll: true });
    (document.getElementById(place) ?? document.body).scrollIntoView();
  }
  if (again) setTimeout(() => mine === newest && load(shown), 1000 * again.content);
}

function save(answer, content) {
  const href = URL.createObjectURL(content), named = answer.headers.get("Content-Disposition");
  const download = /filename="([^"]+)/.exec(named)?.[1] ?? "salepixel";
  Object.assign(document.createElement("a"), { href, download }).click();
  setTimeout(() => URL.revokeObjectURL(href), 60_000);
}

addEventListener("click", (event) => {
  const link = event.target.closest("a[href]:not([target])"), to = link && here(link.getAttribute("href"));
  if (!to || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
  if (to.origin !== location.origin) return link.setAttribute("target", "_blank");
  event.preventDefault();
  load(to.pathname + to.search + to.hash);
});

addEventListener("submit", (event) => {
  const form = event.target, by = event.submitter, data = new FormData(form, by), fields = new URLSearchParams(data);
  const to = here(by?.getAttribute("formaction") || form.getAttribute("action"));
  event.preventDefault();
  if (form.method === "get") load(`${to.pathname}?${fields}`);
  else load(to.pathname + to.search, { method: "POST", body: form.enctype.startsWith("multi") ? data : fields });
});

paint(theme);
send("notifyReady");
