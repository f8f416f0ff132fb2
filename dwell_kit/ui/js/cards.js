// Key figures: each is a button that opens the rows behind it.

export function render({ model, el }) {
  const draw = () => {
    document.querySelectorAll("#dk-first").forEach((first) => first.remove()); // the same figures, from before the scripts were there
    const focused = el.getRootNode().activeElement?.dataset?.kpi;
    el.innerHTML = `<ul aria-label="Key figures" aria-busy="${model.busy}">` + model.items.map((i) => `
      <li><button type="button" data-kpi="${esc(i.name)}" data-value="${esc(i.raw)}" aria-pressed="${model.shown === i.name}">
        <span class="title">${esc(i.title)}</span><span class="value">${esc(i.value)}</span>
        <span class="note"><b class="${esc(i.mood)}">${esc(i.change)}</b> ${esc(i.note)}</span>
      </button></li>`).join("") + "</ul>";
    for (const button of el.querySelectorAll("button")) {
      button.addEventListener("click", () => { model.opened = { name: button.dataset.kpi, at: Date.now() }; });
      if (button.dataset.kpi === focused) button.focus();
    }
  };
  model.on("items", draw);
  model.on("shown", draw);
  dims(model, el, "ul");
  draw();
}
