// The filters of a view: native controls, so that keyboard, screen reader and telephone work by themselves.

function choice(name, title, options, chosen) {
  if (!options.length) return "";
  const said = chosen.length === 0 ? "any" : chosen.length === 1 ? label(options, chosen[0]) : `${chosen.length} of ${options.length}`;
  const boxes = options.map((o) => `<label><input type="checkbox" name="${name}" value="${esc(o.value)}"
    ${chosen.includes(o.value) ? "checked" : ""}> <span>${esc(o.label)}</span></label>`).join("");
  return `<details class="chip ${chosen.length ? "on" : ""}" data-name="${name}"><summary>${esc(title)}: <b>${esc(said)}</b></summary>
    <fieldset><legend>${esc(title)}</legend>${boxes}</fieldset></details>`;
}

function label(options, value) {
  const found = options.find((o) => o.value === value);
  return found ? found.label : value;
}

function body(model) {
  const o = model.options, v = model.value;
  if (!o.environments) return `<form aria-label="Filters"><p class="error" role="alert">${esc(model.error || "")}</p></form>`; // nothing to choose from yet
  const environments = o.environments.map((e) => `<option value="${esc(e)}" ${e === v.environment ? "selected" : ""}>${esc(e)}</option>`);
  const presets = o.presets.map((p, i) => `<option value="${i}">${esc(p.label)}</option>`).join("");
  if (model.brief) return `<form aria-label="Environment"><div class="row">${environments.length > 1
    ? `<label class="field">Environment <select name="environment">${environments.join("")}</select></label>` : ""}
    <span class="said">${esc(v.environment || "")} · ${esc(o.tz)} · data version ${esc(o.version)}</span></div><p class="error" role="alert">${esc(model.error || "")}</p></form>`;
  return `<form aria-label="Filters">
    <div class="row">
      ${environments.length > 1 ? `<label class="field">Environment <select name="environment">${environments.join("")}</select></label>` : ""}
      <label class="field">From <input type="datetime-local" name="since" value="${esc(v.since || "")}"></label>
      <label class="field">Until <input type="datetime-local" name="until" value="${esc(v.until || "")}"></label>
      <label class="field">Period <select name="preset"><option value="">choose …</option>${presets}</select></label>
    </div>
    <div class="row chips">
      ${choice("cameras", "Cameras", o.cameras, v.cameras || [])}
      ${choice("groups", "Groups", o.groups, v.groups || [])}
      ${choice("zones", "Zones", o.zones, v.zones || [])}
      ${choice("age_groups", "Age", o.age_groups, v.age_groups || [])}
      ${choice("genders", "Gender", o.genders, v.genders || [])}
      <details class="chip ${v.min_dwell || v.max_dwell ? "on" : ""}" data-name="dwell"><summary>Dwell: <b>${esc(v.dwell_said || "any")}</b></summary>
        <fieldset><legend>Dwell of a visit, minutes</legend>
          <label>at least <input type="number" min="0" step="any" name="min_dwell" value="${v.min_dwell ? v.min_dwell / 60 : ""}"></label>
          <label>less than <input type="number" min="0" step="any" name="max_dwell" value="${v.max_dwell ? v.max_dwell / 60 : ""}"></label>
        </fieldset></details>
      ${v.also ? `<span class="also">and by the link: <b>${esc(v.also)}</b></span>` : ""}
      <span class="said">${esc(o.tz)}</span><span class="said">data version ${esc(o.version)}</span>
      <button type="button" class="plain" name="clear">Clear filters</button>
    </div>
    <p class="error" role="alert">${esc(model.error || "")}</p>
  </form>`;
}

export function render({ model, el }) {
  let timer = 0, waiting = 0; // when the latest wish was sent that has no answer yet
  const many = ["cameras", "groups", "zones", "age_groups", "genders"];
  const read = () => {
    const form = el.querySelector("form"), value = {};
    const one = (name) => form.querySelector(`[name=${name}]`)?.value || "";
    value.environment = one("environment") || model.value.environment || "";
    value.since = one("since");
    value.until = one("until");
    for (const name of many) value[name] = [...form.querySelectorAll(`[name=${name}]:checked`)].map((b) => b.value);
    for (const name of ["min_dwell", "max_dwell"]) value[name] = one(name) === "" ? null : 60 * Number(one(name));
    return value;
  };
  const send = (value) => {
    waiting = Math.max(Date.now(), waiting + 1);
    model.error = "";
    model.asked = { ...value, at: waiting };
    if (!model.brief) tell(el, "dk-asked", { at: waiting }); // what is shown is old from now on, however long the answer takes
  };
  const changed = (event) => {
    if (event.target.name === "preset") {
      const preset = model.options.presets[Number(event.target.value)];
      if (preset) send({ ...read(), since: preset.since, until: preset.until });
      return;
    }
    clearTimeout(timer);
    timer = setTimeout(() => send(read()), event.target.type === "number" || event.target.type === "datetime-local" ? 500 : 0);
  };
  const draw = () => {
    if (waiting && model.value.at !== waiting) return; // the answer to an older wish: what was chosen since must stay
    waiting = 0;
    const open = [...el.querySelectorAll("details[open]")].map((d) => d.dataset.name);
    const active = el.getRootNode().activeElement;
    const at = active && active.name ? [active.name, active.value, active.type] : null;
    el.innerHTML = body(model);
    for (const name of open) el.querySelector(`details[data-name=${name}]`)?.setAttribute("open", "");
    if (at) {
      const same = [...el.querySelectorAll(`[name=${at[0]}]`)];
      (same.find((x) => at[2] !== "checkbox" || x.value === at[1]) || same[0])?.focus();
    }
    const form = el.querySelector("form");
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("change", changed);
    form.querySelector("[name=clear]")?.addEventListener("click", () => send({ environment: model.value.environment || "", clear: true }));
    for (const details of el.querySelectorAll("details")) {
      details.addEventListener("toggle", () => {
        // a redrawn bar still gets the event of the one before it
        if (details.open && details.isConnected) for (const other of el.querySelectorAll("details[open]")) if (other !== details) other.open = false;
      });
      details.addEventListener("keydown", (event) => {
        if (event.key === "Escape") { details.open = false; details.querySelector("summary").focus(); }
      });
    }
  };
  // a choice closes when one goes on somewhere else
  const elsewhere = (event) => {
    const path = event.composedPath();
    for (const details of el.querySelectorAll("details[open]")) if (!path.includes(details)) details.open = false;
  };
  document.addEventListener("pointerdown", elsewhere);
  model.on("remove", () => document.removeEventListener("pointerdown", elsewhere));
  // the address is what is shown; no step back to figures that are not there any more
  model.on("address", () => history.replaceState(null, "", location.pathname + (model.address ? `?${model.address}` : "") + location.hash));
  if (model.linked) { // no server knows with which address the page was opened
    model.opened = { query: location.search.slice(1), at: Date.now() };
  }
  model.on("value", draw);
  model.on("options", draw);
  model.on("error", () => {
    el.querySelector(".error").textContent = model.error;
    if (model.error) tell(el, "dk-refused", { at: model.value.at || 0 }); // what is shown stays
  });
  draw();
}
