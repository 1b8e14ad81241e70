(() => {
  const tag = document.currentScript, { parameter = "spx", empId } = tag.dataset, KEY = "salepixel";
  const off = navigator.globalPrivacyControl;
  const each = use => !off && ["localStorage", "sessionStorage"].some(name => {
    try { return use(window[name]); } catch (refused) { return false; }
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
  const part = RegExp(`([?&])${parameter}=([\\w-]{60,120})(&|$)`), found = part.exec(location.search);
  if (found) {
    save(KEY, found[2]);
    const rest = location.search.replace(part, found[3] && "$1");
    history.replaceState(history.state, "", location.pathname + rest + location.hash);
  }
  const click = () => load(KEY);
  const metadata = () => click() ? [{ key: "salepixel_click", value: click() }] : [];
  const sale = ({ order, currency, lines }) => {
    const spx = click(), done = KEY + ":" + order;
    if (!spx || order && load(done)) return;
    if (order) save(done, 1);
    for (const { product, quantity, amount } of lines) {
      const query = new URLSearchParams({ empId, spx }), image = new Image(1, 1);
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
