// A page of rows: sorting, filtering and paging happen on the server; this draws one page and asks for another.

export function render({ model, el }) {
  let timer = 0, waiting = 0, wished = {}; // when the latest wish was sent that has no answer yet, and what it is
  const ask = (changes) => {
    wished = { ...(waiting ? wished : model.state), ...changes };
    waiting = Math.max(Date.now(), waiting + 1);
    model.asked = { ...wished, at: waiting };
  };
  // a cell is text, a link { text, href }, or a button { text, act, confirm } of its row's key
  const rich = (cell, key) => typeof cell !== "object" || cell === null ? esc(cell) : cell.href
    ? `<a href="${esc(address(cell.href))}" ${cell.download ? "download" : 'target="_blank" rel="noopener"'}>${esc(cell.text)}</a>`
    : `<button type="button" class="plain" data-act="${esc(cell.act)}" data-key="${esc(key)}" data-confirm="${esc(cell.confirm || "")}" ${cell.expands ? `aria-expanded="${model.detail.key === key}"` : ""}>${esc(cell.text)}</button>`;
  const draw = () => {
    const last = model.columns.length - 1, acts = last > 0 && model.columns[last].plain ? "acts" : ""; // in sight however wide the rest is
    const s = model.state, said = waiting ? wished : s, pages = Math.max(1, Math.ceil(model.total / s.size));
    const head = model.columns.map((c, i) => {
      const on = s.sort === c.name, next = on && !s.descending;
      if (c.plain) return `<th scope="col" class="${i === last ? acts : ""}">${esc(c.title)}</th>`;
      return `<th scope="col" aria-sort="${on ? (s.descending ? "descending" : "ascending") : "none"}" class="${c.number ? "number" : ""}">
        <button type="button" data-sort="${esc(c.name)}" data-descending="${next}">${esc(c.title)}${on ? (s.descending ? " ▾" : " ▴") : ""}</button></th>`;
    }).join("");
    const rows = model.rows.map((r, at) => {
      const key = model.keys[at] ?? "";
      const line = `<tr data-key="${esc(key)}">` + r.map((cell, i) =>
        `<td class="${i === last && acts ? acts : model.columns[i].number ? "number" : ""}" data-title="${esc(model.columns[i].title)}">${rich(cell, key)}</td>`).join("") + "</tr>";
      return key && model.detail.key === key ? `${line}<tr class="detail"><td colspan="${model.columns.length}">${model.detail.html}</td></tr>` : line;
    }).join("");
    const options = ['<option value="">any column</option>', ...model.columns.filter((c) => !c.number && !c.plain).map((c) =>
      `<option value="${esc(c.name)}" ${said.column === c.name ? "selected" : ""}>${esc(c.title)}</option>`)].join("");
    const exports = model.exports.map((x) => `<a href="${esc(address(x.href))}" download class="plain" data-export="${esc(x.format)}">${esc(x.title)}</a>`).join(" ");
    el.innerHTML = `<section aria-label="${esc(model.title)}" aria-busy="${model.busy}">
      <header><h3>${esc(model.title)}</h3><span class="said">${esc(model.note)}</span></header>
      <div class="row tools"><label class="field">Search <input type="search" name="search" value="${esc(said.search)}"></label>
        <label class="field">in <select name="column">${options}</select></label><span class="exports">${exports}</span></div>
      <div class="scroll" tabindex="0" role="region" aria-label="${esc(model.title)} table"><table><thead><tr>${head}</tr></thead>
        <tbody>${rows || `<tr><td colspan="${model.columns.length || 1}">${esc(model.empty)}</td></tr>`}</tbody></table></div>
      <nav class="row" aria-label="Pages of ${esc(model.title)}"><button type="button" data-page="${s.page - 1}" ${s.page <= 0 ? "disabled" : ""}>Previous</button>
        <span data-total="${model.total}">${model.total ? `${(s.page * s.size + 1).toLocaleString("en")}–${Math.min(model.total, (s.page + 1) * s.size).toLocaleString("en")} of ${model.total.toLocaleString("en")}` : "0 rows"}</span>
        <button type="button" data-page="${s.page + 1}" ${s.page >= pages - 1 ? "disabled" : ""}>Next</button></nav></section>`;
    for (const b of el.querySelectorAll("[data-sort]")) b.addEventListener("click", () => ask({ sort: b.dataset.sort, descending: b.dataset.descending === "true", page: 0 }));
    for (const b of el.querySelectorAll("[data-page]")) b.addEventListener("click", () => ask({ page: Number(b.dataset.page) }));
    for (const a of el.querySelectorAll("[data-href]")) a.href = address(a.dataset.href);
    for (const b of el.querySelectorAll("[data-act]")) b.addEventListener("click", () => act(b));
    const search = el.querySelector("[name=search]");
    const typed = () => { timer = 0; ask({ search: el.querySelector("[name=search]").value, page: 0 }); };
    search.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(typed, 300); });
    el.querySelector("[name=column]").addEventListener("change", (event) => ask({ column: event.target.value, page: 0 }));
  };
  const act = (button) => {
    const { act, key, confirm } = button.dataset, go = () => { model.acted = { act, key, at: Date.now() }; };
    if (!confirm) return go();
    const asking = document.createElement("span");
    asking.setAttribute("role", "group");
    asking.setAttribute("aria-label", confirm);
    asking.innerHTML = `${esc(confirm)} <button type="button" class="plain yes">Yes</button> <button type="button" class="plain no">No</button>`;
    const cell = button.closest("td");
    cell.classList.add("asking");
    button.replaceWith(asking);
    const back = () => { cell.classList.remove("asking"); asking.replaceWith(button); button.focus(); };
    asking.querySelector(".yes").addEventListener("click", () => { asking.textContent = "Working …"; go(); });
    asking.querySelector(".no").addEventListener("click", back);
    asking.addEventListener("keydown", (event) => { if (event.key === "Escape") back(); });
    asking.querySelector(".no").focus();
    return undefined;
  };
  const redraw = () => {
    const active = el.getRootNode().activeElement, sorted = active?.dataset?.sort, paged = active?.dataset?.page && active.textContent, acted = active?.dataset?.act && [active.dataset.act, active.dataset.key], name = active?.name, at = active?.selectionStart;
    const typing = timer ? el.querySelector("[name=search]").value : null; // which nobody was asked for yet: it stays
    if (model.state.at === waiting) waiting = 0; // else the answer to an older wish
    draw();
    if (typing !== null) el.querySelector("[name=search]").value = typing;
    if (name === "search") { const s = el.querySelector("[name=search]"); s.focus(); s.setSelectionRange(at, at); }
    if (sorted) [...el.querySelectorAll("[data-sort]")].find((b) => b.dataset.sort === sorted)?.focus();
    if (paged) { // at the last page the other button takes over
      const buttons = [...el.querySelectorAll("[data-page]")];
      (buttons.find((b) => b.textContent === paged && !b.disabled) || buttons.find((b) => !b.disabled))?.focus();
    }
    if (acted) [...el.querySelectorAll("[data-act]")].find((b) => b.dataset.act === acted[0] && b.dataset.key === acted[1])?.focus();
  };
  model.on("drawn", redraw);
  dims(model, el, "section");
  draw();
}
