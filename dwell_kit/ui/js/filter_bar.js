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

function named(persons) {
  const said = persons.length === 0 ? "any" : persons.length === 1 ? persons[0] : `${persons.length} persons`;
  return `<details class="chip ${persons.length ? "on" : ""}" data-name="persons"><summary>Person: <b>${esc(said)}</b></summary>
    <fieldset><legend>Ids of persons, with commas between them</legend><input type="text" name="persons" aria-label="Ids of persons"
      autocomplete="off" spellcheck="false" value="${esc(persons.join(", "))}"></fieldset></details>`;
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
      <label class="field">From <input type="datetime-local" name="since" step="${step(v.since)}" value="${esc(v.since || "")}"></label>
      <label class="field">Until <input type="datetime-local" name="until" step="${step(v.until)}" value="${esc(v.until || "")}"></label>
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
      ${named(v.persons || [])}
      ${v.also ? `<span class="also">and by the link: <b>${esc(v.also)}</b></span>` : ""}
      <span class="said">${esc(o.tz)}</span><span class="said">data version ${esc(o.version)}</span>
      <button type="button" class="plain" name="clear">Clear filters</button>
    </div>
    <p class="error" role="alert">${esc(model.error || "")}</p>
  </form>`;
}

const step = (moment) => (moment || "").length > 16 ? 1 : 60; // seconds can be seen, and changed, where there are any
const typed = (input) => ["datetime-local", "number", "text"].includes(input?.type);
// Half a date has no value; a complete one is 0002, 0020 and 0202 on the way to 2025.
const unfinished = (input) => typed(input) && (input.validity.badInput ||
  (input.type === "datetime-local" && input.value !== "" && Number(input.value.split("-")[0]) < 1900));

// A sheet is some 700 px wide; charts are drawn for the screen.
const measure = () => {
  const main = document.querySelector(".dk-main, #rendered_cells");
  if (!main) return; // a notebook
  const looks = getComputedStyle(main), wide = main.clientWidth - parseFloat(looks.paddingLeft) - parseFloat(looks.paddingRight);
  document.documentElement.style.setProperty("--dk-wide", `${wide}px`);
  document.documentElement.style.setProperty("--dk-zoom", Math.min(1, 700 / wide));
};

export function render({ model, el }) {
  let timer = 0, waiting = 0; // when the latest wish was sent that has no answer yet
  let wished = {}, kept = false, pressed = false;
  const many = ["cameras", "groups", "zones", "age_groups", "genders"];
  const read = () => {
    const form = el.querySelector("form"), value = {}, before = waiting ? wished : model.value;
    const input = (name) => form.querySelector(`[name=${name}]`);
    value.environment = input("environment")?.value || model.value.environment || "";
    for (const name of ["since", "until"]) value[name] = (unfinished(input(name)) ? before[name] : input(name)?.value) || "";
    for (const name of many) value[name] = [...form.querySelectorAll(`[name=${name}]:checked`)].map((b) => b.value);
    value.persons = (input("persons")?.value || "").split(",").map((id) => id.trim()).filter(Boolean);
    for (const name of ["min_dwell", "max_dwell"]) {
      const given = input(name)?.value || "";
      value[name] = unfinished(input(name)) ? before[name] ?? null : given === "" ? null : 60 * Number(given);
    }
    return value;
  };
  const send = (value) => {
    clearTimeout(timer);
    timer = 0;
    wished = value;
    waiting = Math.max(Date.now(), waiting + 1);
    model.error = "";
    model.asked = { ...value, at: waiting };
    if (!model.brief) tell(el, "dk-asked", { at: waiting }); // what is shown is old from now on, however long the answer takes
  };
  const changed = (event) => {
    if (event.target.name === "preset") {
      const preset = model.options.presets[Number(event.target.value)];
      if (!preset) return;
      for (const name of ["since", "until"]) el.querySelector(`[name=${name}]`).value = preset[name] || "";
      send({ ...read(), since: preset.since, until: preset.until });
      return;
    }
    if (unfinished(event.target)) return;
    clearTimeout(timer);
    timer = setTimeout(() => send(read()), typed(event.target) ? 500 : 0);
  };
  const clear = () => { // at once: the answer may have to wait until something else is typed
    for (const box of el.querySelectorAll("[type=checkbox]")) box.checked = false;
    for (const input of el.querySelectorAll("input")) if (typed(input)) input.value = "";
    send({ environment: model.value.environment || "", clear: true });
  };
  const focused = () => {
    const active = el.getRootNode().activeElement;
    return active && el.contains(active) ? active : null;
  };
  const draw = () => {
    if (waiting && model.value.at !== waiting) return; // the answer to an older wish: what was chosen since must stay
    waiting = 0;
    kept = Boolean(timer) || pressed || typed(focused()); // a form that is replaced forgets what is being typed or clicked
    if (kept) return;
    const open = [...el.querySelectorAll("details[open]")].map((d) => d.dataset.name);
    const active = focused(), chip = active?.closest("summary")?.parentNode.dataset.name;
    const at = active && active.name ? [active.name, active.value, active.type] : null;
    el.innerHTML = body(model);
    for (const name of open) el.querySelector(`details[data-name=${name}]`)?.setAttribute("open", "");
    if (chip) el.querySelector(`details[data-name=${chip}] summary`)?.focus();
    if (at) {
      const same = [...el.querySelectorAll(`[name=${at[0]}]`)];
      (same.find((x) => at[2] !== "checkbox" || x.value === at[1]) || same[0])?.focus();
    }
    const form = el.querySelector("form");
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("change", changed);
    form.querySelector("[name=clear]")?.addEventListener("click", clear);
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
    pressed = path.includes(el) && !path.some((x) => x.localName === "select"); // whose list may swallow the release
    for (const details of el.querySelectorAll("details[open]")) if (!path.includes(details)) details.open = false;
  };
  const later = () => setTimeout(() => { if (kept) draw(); }); // once the click is through
  const released = () => { pressed = false; later(); };
  const listening = { pointerdown: elsewhere, pointerup: released, pointercancel: released };
  for (const [kind, act] of Object.entries(listening)) document.addEventListener(kind, act);
  model.on("remove", () => { for (const [kind, act] of Object.entries(listening)) document.removeEventListener(kind, act); });
  el.addEventListener("focusout", later);
  addEventListener("beforeprint", measure);
  model.on("remove", () => removeEventListener("beforeprint", measure));
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
