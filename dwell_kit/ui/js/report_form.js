// Start a report: a form for its parameters, and what becomes of it.

export function render({ model, el }) {
  const [path, more] = address(model.endpoint).split("?");
  const url = (tail, query = "") => [path + tail, [more, query].filter(Boolean).join("&")].filter(Boolean).join("?");
  const types = { day: "date", moment: "datetime-local", number: "number", flag: "checkbox", text: "text" };
  const hints = { day: "empty: the last day with data", week: "such as 2025-W19; empty: the last one" };
  const field = (p) => {
    if (p.name === "environment" && model.environments.length) return `<label class="field">environment <select name="environment">${model.environments.map((e) =>
      `<option ${e === model.environment ? "selected" : ""}>${esc(e)}</option>`).join("")}</select></label>`;
    const value = p.kind === "flag" ? (p.default ? "checked" : "") : `value="${esc(p.default)}"`;
    const hint = hints[p.name] || hints[p.kind] || "";
    return `<label class="field">${esc(p.name.replaceAll("_", " "))} <input type="${types[p.kind]}" name="${esc(p.name)}" step="any" ${value} placeholder="${esc(hint)}" title="${esc(hint)}"></label>`;
  };
  el.innerHTML = `<section aria-label="Run a report"><header><h2>Run a report</h2></header>
    <p class="muted caption">It is worked out beside this page, of the data as they are now; what the notebook cannot use is refused.</p>
    <form><div class="row"><label class="field">Report <select name="report">${model.kinds.map((k) => `<option>${esc(k.name)}</option>`).join("")}</select></label></div>
    <div class="row parameters"></div><button type="submit" class="plain">Run</button></form><ol class="jobs" aria-live="polite"></ol></section>`;
  const form = el.querySelector("form"), list = el.querySelector(".jobs");
  const chosen = () => model.kinds.find((k) => k.name === form.elements.report.value);
  const fields = () => { el.querySelector(".parameters").innerHTML = chosen() ? chosen().parameters.map(field).join("") : "there is no report"; };
  const tell = (item, state, html, busy) => { item.dataset.state = state; item.querySelector(".state").innerHTML = html; item.querySelector("progress").hidden = !busy; };
  const failed = (item, error) => tell(item, "failed", `<b>${esc(error.what || "The report failed")}</b>` +
    ["where", "expected", "found", "hint"].filter((k) => error[k]).map((k) => `<br><span class="muted">${k}:</span> ${esc(error[k])}`).join(""));
  const lost = (item) => failed(item, { what: "The connection was lost", hint: "the run goes on; reload the page to see it" });
  const follow = async (item, job) => {
    const said = await (await fetch(url(`/${job}`))).json();
    if (said.error) { model.finished = { job, at: Date.now() }; return failed(item, said.error); }
    if (said.state === "done") {
      tell(item, "done", `<a href="${esc(url(`/${encodeURIComponent(said.run)}/report.html`))}" target="_blank" rel="noopener">Open the report</a> · ${Number(said.duration_s).toFixed(0)} s`);
      model.finished = { job, at: Date.now() };
      return undefined;
    }
    tell(item, "running", said.state === "waiting" ? "waiting for its turn" : `running for ${Math.round(said.for_s || 0)} s`, true);
    return setTimeout(() => follow(item, job).catch(() => lost(item)), 500);
  };
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const query = new URLSearchParams({ report: form.elements.report.value });
    for (const p of chosen().parameters) {
      const input = form.elements[p.name];
      const value = input.type === "checkbox" ? String(input.checked) : input.value;
      if (value !== "" && value !== String(p.default)) query.set(p.name, value);
    }
    const item = document.createElement("li");
    item.innerHTML = `<span class="name">${esc(form.elements.report.value)}</span><progress aria-label="Progress of ${esc(form.elements.report.value)}"></progress><div class="state"></div>`;
    list.prepend(item);
    tell(item, "running", "asking", true);
    let said;
    try {
      const answer = await fetch(url("", query), { method: "PUT" });
      said = await answer.json();
      if (!answer.ok) return failed(item, said.error || {});
    } catch { return failed(item, { what: "The report was not started", hint: "the server does not answer as it should: try again, or look into its log" }); }
    return follow(item, said.job).catch(() => lost(item));
  });
  form.elements.report.addEventListener("change", fields);
  fields();
}
