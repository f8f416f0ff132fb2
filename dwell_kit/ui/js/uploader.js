// Files go to the server as a stream; this page never holds one. The server tells how far it is.
const size = (n) => n >= 1e9 ? `${(n / 1e9).toFixed(2)} GB` : n >= 1e6 ? `${(n / 1e6).toFixed(1)} MB` : `${Math.ceil(n / 1e3)} kB`;

export function render({ model, el }) {
  const [path, more] = address(model.endpoint).split("?");
  const url = (tail, query = "") => `${path}${tail}?${[more, query].filter(Boolean).join("&")}`;
  el.innerHTML = `<div class="drop" role="group" aria-label="Upload exports">
      <p><b>Drop exports here</b>, or <label class="plain">choose files<input type="file" multiple></label></p>
      <p class="muted">CSV, JSON, Parquet, gz, zip · up to ${esc(size(model.most_bytes))} each · checked at once</p>
      <div class="row"><label class="field">Environment <input name="environment" list="places" value="${esc(model.environment)}"></label>
        <label class="field">Time zone <input name="tz" placeholder="Europe/Berlin" value=""></label>
        <label class="field">Covers from <input type="datetime-local" name="since"></label>
        <label class="field">until <input type="datetime-local" name="until"></label></div>
      <details><summary>Camera and clock, for tracks and positions that do not say them</summary>
        <div class="row"><label class="field">Camera <input name="camera"></label>
          <label class="field">First frame at <input type="datetime-local" name="start" step="1"></label>
          <label class="field">Frames a second <input type="number" name="fps" min="0" step="any"></label></div></details>
      <datalist id="places">${model.environments.map((e) => `<option value="${esc(e)}">`).join("")}</datalist></div>
    <ol class="jobs" aria-live="polite"></ol>`;
  const drop = el.querySelector(".drop"), list = el.querySelector(".jobs"), input = el.querySelector("input[type=file]");
  const field = (name) => el.querySelector(`[name=${name}]`).value;

  const tell = (item, state, text, share) => {
    item.dataset.state = state;
    item.querySelector(".state").innerHTML = text;
    const bar = item.querySelector("progress");
    bar.hidden = share === undefined;
    if (share === null) bar.removeAttribute("value"); else if (share !== undefined) bar.value = share;
  };
  const failed = (item, error) => {
    if (String(error.hint).includes("fill in the field")) el.querySelector("details").open = true;
    return tell(item, "failed", `<b>${esc(error.what || "The upload failed")}</b>` +
    ["where", "expected", "found", "hint"].filter((k) => error[k]).map((k) => `<br><span class="muted">${k}:</span> ${esc(error[k])}`).join(""));
  };

  const follow = async (item, job) => {
    const answer = await fetch(url(`/${job}`));
    const said = await answer.json();
    if (said.error) return failed(item, said.error);
    if (said.state === "done") {
      const r = said.report;
      tell(item, "done", `<b>${r.repeated ? "Already there, nothing changed" : `${r.accepted.toLocaleString("en")} of ${r.rows_read.toLocaleString("en")} rows accepted`}</b>
        ${r.rejected ? ` · <a href="${esc(url(`/${r.upload_id}/rejects`))}" download>${r.rejected.toLocaleString("en")} rejected: download</a>` : ""} · quality ${r.score} of 100`);
      model.finished = { upload: r.upload_id, at: Date.now() };
      return undefined;
    }
    tell(item, "ingesting", said.state === "waiting" ? "waiting" : "reading", said.share);
    return setTimeout(() => follow(item, job).catch((e) => failed(item, { what: String(e) })), 300);
  };

  const send = (file) => {
    const item = document.createElement("li");
    item.innerHTML = `<span class="name">${esc(file.name)}</span> <span class="muted">${size(file.size)}</span><progress max="1" aria-label="Progress of ${esc(file.name)}"></progress><div class="state"></div>`;
    list.prepend(item);
    if (file.size > model.most_bytes) return failed(item, { what: "The file is too big", expected: `at most ${size(model.most_bytes)}`, found: size(file.size) });
    if (file.size === 0) return failed(item, { what: "The file is empty", hint: "export it again" });
    const query = new URLSearchParams({ name: file.name });
    for (const name of ["environment", "tz", "camera", "start", "fps", "since", "until"]) if (field(name)) query.set(name, field(name));
    tell(item, "checking", "checking", null);
    return check(file, query).then((error) => {
      if (error) return failed(item, error);
      const request = new XMLHttpRequest();
      request.open("PUT", url("", query));
      request.upload.onprogress = (event) => tell(item, "sending", `sending ${Math.round(100 * event.loaded / event.total)} %`, event.loaded / event.total);
      request.onerror = () => failed(item, { what: "The connection was lost", hint: "drop the file again" });
      request.onload = () => {
        let said = {};
        try { said = JSON.parse(request.responseText); } catch { said = { error: { what: `The server answered ${request.status}` } }; }
        if (request.status >= 400) return failed(item, said.error || { what: `The server answered ${request.status}` });
        return follow(item, said.job).catch((e) => failed(item, { what: String(e) }));
      };
      request.send(file);
      return undefined;
    }).catch(() => failed(item, { what: "The connection was lost", hint: "drop the file again" }));
  };
  // its ends are enough to tell a wrong file within a second of its being dropped
  const end = 1 << 19;
  const check = async (file, query) => {
    const ends = new Blob([file.slice(0, end), file.slice(Math.max(end, file.size - end))]);
    const answer = await fetch(url("/check", `${query}&size=${file.size}`), { method: "POST", body: ends });
    return answer.ok ? null : (await answer.json()).error;
  };
  for (const kind of ["dragenter", "dragover"]) drop.addEventListener(kind, (event) => { event.preventDefault(); drop.classList.add("over"); });
  for (const kind of ["dragleave", "drop"]) drop.addEventListener(kind, () => drop.classList.remove("over"));
  drop.addEventListener("drop", (event) => { event.preventDefault(); [...event.dataTransfer.files].forEach(send); });
  input.addEventListener("change", () => { [...input.files].forEach(send); input.value = ""; });
}
