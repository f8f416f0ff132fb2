// Before every component's own script.
const esc = (s) => String(s ?? "").replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
// The parts of a page find each other in `.dk-page`: a notebook may show several pages.
const page = (el) => {
  let at = el;
  while (at && !at.classList?.contains("dk-page")) at = at.parentNode ?? at.host;
  return at;
};
const tell = (el, name, detail) => document.dispatchEvent(new CustomEvent(name, { detail: { ...detail, page: page(el) } }));
const hear = (model, el, name, act) => {
  const heard = (event) => { if (event.detail.page === page(el)) act(event.detail); };
  document.addEventListener(name, heard);
  model.on("remove", () => document.removeEventListener(name, heard));
};
// A part that Python says is busy, or that was asked for anew.
const dims = (model, el, css) => {
  const busy = (is) => el.querySelector(css)?.setAttribute("aria-busy", is);
  model.on("busy", () => busy(model.busy));
  hear(model, el, "dk-asked", () => busy(true));
  hear(model, el, "dk-refused", () => busy(model.busy));
};
// A page of Jupyter knows the address it is served under; the gateway's pages stand beside their endpoints.
const address = (url) => {
  if (!url.startsWith("jupyter:")) return url;
  const config = document.getElementById("jupyter-config-data");
  return (config ? JSON.parse(config.textContent).baseUrl : "/") + url.slice("jupyter:".length);
};
