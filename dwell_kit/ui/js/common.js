// Before every component's own script.
const esc = (s) => String(s ?? "").replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
// A page of Jupyter knows the address it is served under; the gateway's pages stand beside their endpoints.
const address = (url) => {
  if (!url.startsWith("jupyter:")) return url;
  const config = document.getElementById("jupyter-config-data");
  return (config ? JSON.parse(config.textContent).baseUrl : "/") + url.slice("jupyter:".length);
};
