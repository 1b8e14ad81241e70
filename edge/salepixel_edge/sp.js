(() => {
  const tag = document.currentScript, { parameter = "spx", empId } = tag.dataset, KEY = "salepixel";
  const each = use => !navigator.globalPrivacyControl && ["localStorage", "sessionStorage"].some(name => {
    try { return use(window[name]); } catch {}
  });
  const load = key => {
    let found;
    each(store => found = JSON.parse(store.getItem(key)));
    return found && Date.now() - found.at < 7776e6 ? found.v : "";
  };
  const save = (key, v) => each(store => {
    store.setItem(key, JSON.stringify({ v, at: Date.now() }));
    return true;
  });
  const { search } = location, params = q => new URLSearchParams(q);
  const token = params(search).getAll(parameter).filter(v => /^[\w-]{60,120}$/.test(v)).pop();
  if (token) {
    save(KEY, token);
    const rest = search.slice(1).split("&").filter(v => !params(v).has(parameter)).join("&");
    history.replaceState(history.state, "", location.pathname + (rest && "?" + rest) + location.hash);
  }
  const click = () => load(KEY);
  const metadata = () => click() ? [{ key: "salepixel_click", value: click() }] : [];
  const sale = ({ order, currency, lines }) => {
    const spx = click(), done = KEY + ":" + order;
    if (!spx || order && load(done)) return;
    if (order) save(done, 1);
    for (const { product, quantity, amount } of lines) {
      const query = params({ empId, spx }), image = new Image(1, 1);
      const facts = { PRODUCTO: product, CANTIDAD: quantity, IMPORTE: amount, order, currency };
      for (const name in facts) if (facts[name] != null) query.append(name, facts[name]);
      image.alt = "";
      image.src = new URL("/track/sale?" + query, tag.src);
      document.body.append(image);
    }
  };
  window.salepixel = { click, metadata, sale };
  const page = () => {
    const data = document.getElementById("salepixel-sale");
    if (data) sale(JSON.parse(data.textContent));
  };
  if (document.readyState == "loading") addEventListener("DOMContentLoaded", page);
  else page();
})();
