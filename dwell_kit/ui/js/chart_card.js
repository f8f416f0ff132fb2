// A card with a chart: the question, what is drawn, its legend, the chart, and the same figures as a table.

// Bokeh figures in a place, each instead of the one before it.
function embedded(place) {
  let turn = 0, shown = null, latest = "", away = false;
  const clear = (views) => { // with their document, and with what Bokeh adds to it to say things in
    const held = views?.roots.map((view) => view.model.document).find(Boolean);
    views?.clear();
    held?.clear();
    if (held) Bokeh.documents.splice(Bokeh.documents.indexOf(held), 1);
  };
  const close = () => {
    turn += 1;
    clear(shown);
    shown = null;
  };
  // A cell of JupyterLab that runs again drops what it showed and tells nobody; one that is scrolled away comes back.
  const watching = new ResizeObserver(() => {
    if (place.isConnected === !away) return;
    away = !away;
    if (away) close(); else show(latest);
  });
  const show = async (json) => {
    latest = json;
    if (away) return;
    const mine = ++turn;
    while (!place.isConnected) { // Bokeh draws only into what is on a page
      await new Promise(requestAnimationFrame);
      if (mine !== turn) return;
    }
    watching.observe(place);
    place.style.minHeight = `${place.offsetHeight}px`; // nothing below it moves meanwhile
    clear(shown);
    const next = document.createElement("div");
    place.replaceChildren(next);
    shown = null;
    let views = null;
    try {
      if (json) views = await Bokeh.embed.embed_item(JSON.parse(json), next);
    } catch (error) {
      if (next.isConnected) throw error;
      return mine === turn ? show(json) : undefined; // taken off the page, or replaced, before Bokeh drew
    }
    if (mine !== turn) return clear(views);
    shown = views;
    place.style.minHeight = "";
  };
  return { show, close: () => { watching.disconnect(); close(); } };
}

export function render({ model, el }) {
  const section = document.createElement("section");
  section.className = "chart";
  section.innerHTML = `<header><h2></h2></header><p class="muted caption"></p><p class="said-strong"></p><ul class="legend" aria-label="Legend"></ul>
    <figure></figure><p class="nothing" role="status"></p><details class="table"><summary>As a table</summary></details><div class="scroll" tabindex="0" role="region"></div><p class="muted more"></p>`;
  const at = (css) => section.querySelector(css);
  at("h2").id = "question";
  section.setAttribute("aria-labelledby", "question");
  if (model.live) at("figure").append(model.get_child("live"));
  const details = at("details"), scroll = at(".scroll");
  let wish = 0; // the latest one that this page heard of
  const busy = () => model.answers < wish;
  const words = () => {
    at("h2").textContent = model.question;
    at(".caption").textContent = model.caption;
    at(".said-strong").innerHTML = model.said;
    const empty = model.has_figure ? !model.alternative : !model.table.columns;
    at(".nothing").textContent = model.nothing || (busy() && empty ? "Working …" : "");
    at("figure").setAttribute("aria-label", model.alternative || model.question);
    at("figure").hidden = Boolean(model.nothing) || !model.has_figure;
    details.hidden = Boolean(model.nothing) || !model.has_figure;
    scroll.setAttribute("aria-label", `${model.question}: table`);
    section.setAttribute("aria-busy", busy());
    at(".legend").innerHTML = model.nothing ? "" : model.legend.map((l) => `<li><i class="${esc(l.kind)}" style="--c:${esc(l.color)}"></i>${esc(l.label)}</li>`).join("");
  };
  const rows = () => {
    const t = model.table, shown = t.columns && !model.nothing && (details.open || !model.has_figure);
    scroll.hidden = !shown;
    at(".more").textContent = shown ? t.note || "" : "";
    if (!shown) return;
    scroll.innerHTML = `<table><thead><tr>${t.columns.map((c) => `<th scope="col" class="${c.number ? "number" : ""}">${esc(c.title)}</th>`).join("")}</tr></thead>
      <tbody>${t.rows.map((r) => `<tr>${r.map((cell, i) => `<td class="${t.columns[i].number ? "number" : ""}" title="${esc(cell)}">${esc(cell)}</td>`).join("")}</tr>`).join("")}</tbody></table>`;
  };
  details.addEventListener("toggle", () => { model.wanted = details.open; rows(); });
  for (const name of ["question", "caption", "said", "nothing", "alternative", "legend", "answers"]) model.on(name, () => { words(); rows(); });
  model.on("table", () => { words(); rows(); });
  if (!model.live) {
    const figure = embedded(at("figure"));
    model.on("figure", () => figure.show(model.figure));
    model.on("remove", figure.close);
    figure.show(model.figure);
  }
  hear(model, el, "dk-asked", (asked) => { wish = asked.at; words(); });
  hear(model, el, "dk-refused", (shown) => { wish = shown.at; words(); });
  words();
  rows();
  return section;
}
