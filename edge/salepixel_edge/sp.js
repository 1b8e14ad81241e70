(function () {
  "use strict";
  var tag = document.currentScript, KEY = "salepixel";
  var name = (tag && tag.dataset.parameter) || "spx";
  function each(f) {
    ["localStorage", "sessionStorage"].some(function (s) {
      try { return f(window[s]); } catch (e) { return false; }
    });
  }
  function load(key) {
    var found = null;
    each(function (s) { return (found = JSON.parse(s.getItem(key))); });
    return found && Date.now() - found.at < 7776e6 ? found.v : "";
  }
  function save(key, value) {
    each(function (s) { s.setItem(key, JSON.stringify({ v: value, at: Date.now() })); return true; });
  }
  var url = new URL(location.href), token = url.searchParams.get(name);
  if (token) {
    if (!navigator.globalPrivacyControl && /^[\w-]{60,120}$/.test(token)) save(KEY, token);
    url.searchParams.delete(name);
    history.replaceState(history.state, "", url);
  }
  var api = window.salepixel = {
    click: function () { return load(KEY); },
    metadata: function () {
      var click = load(KEY);
      return click ? [{ key: "salepixel_click", value: click }] : [];
    },
    sale: function (sale) {
      var click = load(KEY), done = KEY + ":" + sale.order;
      if (!click || (sale.order && load(done))) return;
      if (sale.order) save(done, 1);
      (sale.lines || []).forEach(function (line) {
        var image = new Image(1, 1);
        image.alt = "";
        image.src = new URL("/track/sale", tag.src) + "?" + new URLSearchParams({
          empId: tag.dataset.empId, PRODUCTO: line.product, CANTIDAD: line.quantity || 1,
          IMPORTE: line.amount, order: sale.order || "", currency: sale.currency || "", spx: click
        });
        document.body.appendChild(image);
      });
    }
  };
  function page() {
    var data = document.getElementById("salepixel-sale");
    if (data) api.sale(JSON.parse(data.textContent));
  }
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", page);
  else page();
})();
