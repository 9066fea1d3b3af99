// The page: pictures are sent, read in turn by the server, shown with what was read, corrected and saved.
// Texts from outside (names of files, the server's lines) are only ever set as text.

import * as api from "./api.js";
import { Viewer } from "./viewer.js";

const RETRY_MS = 2000, AT_ONCE = 3;
const MUCH = 0.1; // of a lead that is unsure
const $ = (id) => document.getElementById(id);

const names = new Map(); // of files, by upload: they stay in this tab
const sending = []; // { file, item } that wait to be sent
let underway = 0;
let offers, pages = [], shown = null, reading = null, pictureOf = null, formOf = "", asking = null, retry = null;

const viewer = new Viewer($("view"), {
  chosen: choose,
  spanned: (from, to) => setSpan(from, to),
  penned: (points) => {
    $("use").disabled = points.length < 2;
    $("clear").disabled = !points.length;
  },
  said: say,
  left: () => setMode("move"),
});

begin();

async function begin() {
  const local = ["127.0.0.1", "localhost", "[::1]"].includes(location.hostname);
  $("privacy").textContent = local
    ? "Everything is done on this computer. Files are deleted when you leave."
    : `Files go to ${location.hostname} and nowhere else. They are deleted when you leave.`;
  api.onOver(over);
  try {
    offers = await api.begin();
  } catch (error) {
    return over(error.message);
  }
  const { upload_mb, uploads } = offers.limits;
  $("allowed").textContent = `PNG, JPEG, TIFF, PDF and others, up to ${upload_mb} MB each, ${uploads} in all.`;
  fill($("layouts"), ["3x4", "3x4+1R(II)", "3x4+3R(V1,II,V5)", "6x2", "6x2+1R(II)", "12x1", "6x1", "3x2", "3x1"]);
  fill($("orders"), [offers.leads.join(","), offers.cabrera.join(",")]);
  showFormats();
  listen();
  poll();
}

function listen() {
  const drop = $("drop");
  for (const id of ["choose", "photo"]) {
    $(id).addEventListener("change", (event) => {
      send([...event.target.files]);
      event.target.value = "";
    });
  }
  addEventListener("dragover", (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
  addEventListener("dragleave", (event) => event.relatedTarget || drop.classList.remove("over"));
  addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    send([...event.dataTransfer.files]);
  });
  addEventListener("paste", (event) => event.clipboardData.files.length && send([...event.clipboardData.files]));
  addEventListener("pagehide", api.leave);
  $("zoom-in").onclick = () => viewer.zoom(1.4);
  $("zoom-out").onclick = () => viewer.zoom(1 / 1.4);
  $("fit").onclick = () => viewer.fit();
  $("traces").onchange = (event) => $("drawn").classList.toggle("off", !event.target.checked);
  $("window").onchange = (event) => choose(event.target.value === "" ? null : Number(event.target.value));
  for (const id of ["from", "to"]) $(id).oninput = () => viewer.stretch(span());
  for (const radio of document.getElementsByName("mode")) radio.onchange = () => setMode(radio.value);
  $("blank").onclick = blank;
  $("use").onclick = redraw;
  $("clear").onclick = () => viewer.clear();
  $("edit").onsubmit = (event) => event.preventDefault();
  $("again").onsubmit = (event) => {
    event.preventDefault();
    readAgain(said());
  };
  $("forget").onclick = () => readAgain({});
  $("rate").oninput = showFormats;
  $("end").onclick = async () => {
    await attempt("", async () => {
      await api.end();
      over("The session is over. All its files are deleted.");
    });
  };
}

// ---- sending

function send(files) {
  for (const file of files) {
    const item = { id: crypto.randomUUID(), name: file.name, share: 0, line: "" };
    const most = offers.limits.upload_mb;
    if (!file.size) item.line = "the file is empty, expected a picture or a PDF";
    else if (file.size > most * 1e6) item.line = `${(file.size / 1e6).toFixed(1)} MB, expected at most ${most} MB; scale it down`;
    sending.push({ file, item });
    if (item.line) say(`${file.name}: ${item.line}`);
  }
  showPages();
  sendNext();
}

async function sendNext() {
  const next = sending.find(({ item }) => !item.line && !item.underway);
  if (!next || underway >= AT_ONCE) return;
  const { file, item } = next;
  underway += 1;
  item.underway = true;
  sendNext();
  try {
    const page = await api.upload(file, (share) => {
      item.share = share;
      showPages();
    });
    names.set(page.upload, file.name);
    sending.splice(sending.indexOf(next), 1);
    if (!pages.some((one) => one.id === page.id)) pages.push(page);
    poll();
  } catch (error) {
    item.line = error.message;
    say(`${file.name}: ${error.message}`);
  }
  underway -= 1;
  showPages();
  sendNext();
}

// ---- the list of pages

/** Ask for the list, of which the server answers once it knows more than has been `seen`, and again while that changes. */
async function poll(seen = -1) {
  clearTimeout(retry);
  asking?.abort();
  const ours = (asking = new AbortController());
  let answer, list;
  try {
    answer = await api.request(`/api/pages?seen=${seen}`, { signal: ours.signal });
    list = await answer.json();
  } catch {
    if (ours === asking) retry = setTimeout(poll, RETRY_MS);
    return;
  }
  if (ours !== asking) return;
  if (underway) list = list.filter((page) => names.has(page.upload)); // a file's name comes with the answer to its sending
  tellChanges(list);
  pages = list;
  showPages();
  let whole = true;
  if (!shown && pages.length) open(pages.find((page) => page.size) || pages[0], { follow: false });
  else whole = await refresh();
  if (ours !== asking) return;
  const changes = pages.some((page) => page.state === "waiting" || page.state === "reading");
  const news = answer.headers.get("X-News");
  if (!whole || (changes && news === null)) retry = setTimeout(poll, RETRY_MS);
  else if (changes) poll(Number(news));
}

function tellChanges(now) {
  const before = new Map(pages.map((page) => [page.id, page.state]));
  for (const page of now) {
    if (before.get(page.id) === page.state) continue;
    if (page.state === "read") say(`${label(page)}: read.`);
    if (page.state === "failed") say(`${label(page)}: not read. ${page.line}`);
    if (page.state === "reading") say(`${label(page)}: being read.`);
  }
}

const label = (page) => (names.get(page.upload) || page.name) + (page.of > 1 ? `, page ${page.number}` : "");

function stateOf(page) {
  if (page.state === "waiting") return page.ahead ? `waiting, ${page.ahead} before it` : "next to be read";
  if (page.state === "reading") return page.stage || "being read";
  return page.state === "read" ? "read" : `Not read: ${page.line}`;
}

function showPages() {
  const focused = document.activeElement?.closest?.("#pages li")?.dataset.id;
  const inside = document.activeElement?.className;
  const items = pages.map((page) =>
    item(page.id, label(page), stateOf(page), page.state, ["waiting", "reading"].includes(page.state) ? page.done : undefined, {
      open: () => open(page),
      remove: () => remove(page),
    }),
  );
  for (const entry of sending) {
    const { id, name, share, line, underway } = entry.item;
    const state = line ? `Not sent: ${line}` : underway ? `being sent, ${Math.round(100 * share)} %` : "waiting to be sent";
    const forget = () => {
      sending.splice(sending.indexOf(entry), 1);
      showPages();
    };
    items.push(item(id, name, state, line ? "failed" : "", line ? undefined : share, { remove: line ? forget : null }));
  }
  $("pages").replaceChildren(...items);
  if (focused) $("pages").querySelector(`[data-id="${CSS.escape(focused)}"] .${inside}`)?.focus();
}

/** A line of the list; `share` of progress done, undefined where there is none. */
function item(id, name, state, kind, share, { open, remove }) {
  const line = make("li", { className: `${kind} ${id === shown ? "shown" : ""}` });
  line.dataset.id = id;
  const button = make("button", { className: "open", type: "button", disabled: !open, onclick: open });
  if (id === shown) button.setAttribute("aria-current", "true");
  button.append(make("span", { className: "name", textContent: name }), make("span", { className: "state", textContent: state }));
  line.append(button);
  if (remove) {
    const away = make("button", { className: "remove", type: "button", textContent: "✕", onclick: remove });
    away.setAttribute("aria-label", `Remove ${name}`);
    line.append(away);
  }
  if (share !== undefined) {
    const bar = make("progress", { max: 1, value: share });
    bar.setAttribute("aria-label", `${name}: ${state}`);
    line.append(bar);
  }
  return line;
}

async function remove(page) {
  await attempt("", async () => {
    await api.request(`/api/pages/${page.id}`, { method: "DELETE" });
    pages = pages.filter((other) => other !== page && other.id !== page.id);
    if (shown === page.id) close();
    showPages();
    say(`${label(page)}: removed, and its file deleted.`);
    if (!shown && pages.length) open(pages[0]);
    poll();
  });
}

// ---- one page

const page = () => pages.find((one) => one.id === shown);

async function open(chosen, { follow = true } = {}) {
  close();
  shown = chosen.id;
  document.querySelector("main").classList.add("open");
  $("picture").hidden = $("reading").hidden = false;
  $("picture-title").textContent = label(chosen);
  showPages();
  await refresh();
  if (follow && matchMedia("(max-width: 64rem)").matches) $("picture").scrollIntoView();
}

function close() {
  shown = reading = null;
  if (pictureOf) URL.revokeObjectURL(pictureOf.url);
  pictureOf = null;
  viewer.reading([]);
  $("view").querySelector("image").removeAttribute("href");
  setMode("move");
  setSpan("", "", { quiet: true });
  $("picture").hidden = $("reading").hidden = true;
  document.querySelector("main").classList.toggle("open", pages.length > 0);
}

/** Bring what is shown up to what the list says of the page; false where the server did not answer. */
async function refresh() {
  const now = page();
  if (!now) return true;
  try {
    if (now.size && pictureOf?.id !== now.id) await showPicture(now);
    if (now.state === "read" && reading?.id !== now.id) {
      const answer = await api.json(`/api/pages/${now.id}`);
      if (shown === now.id) showReading(answer);
    } else if (now.state !== "read" && reading) {
      reading = null;
      viewer.reading([]);
    }
  } catch (error) {
    $("failure").textContent = error.message;
    return false;
  }
  if (shown !== now.id) return true;
  $("failure").textContent = now.state === "failed" ? `Not read: ${now.line}` : "";
  $("found").hidden = $("downloads").hidden = $("edit").hidden = now.state !== "read";
  $("picture").hidden = now.state === "failed" && !now.size;
  const busy = now.state === "waiting" || now.state === "reading";
  $("read-again").disabled = $("forget").disabled = busy;
  $("picture").setAttribute("aria-busy", String(busy));
  if (!reading && formOf !== `${now.id} ${now.state}`) showForm({ layout: "", speed: "", gain: "", leads: [] }, {});
  formOf = `${now.id} ${now.state}`;
  return true;
}

async function showPicture(of) {
  const content = await (await api.request(`/api/pages/${of.id}/picture`)).blob();
  if (shown !== of.id || pictureOf?.id === of.id) return;
  pictureOf = { id: of.id, url: URL.createObjectURL(content) };
  viewer.picture(pictureOf.url, of.size);
}

function showReading(answer) {
  reading = answer;
  const { layout } = answer;
  viewer.reading(answer.windows);
  $("quality").textContent =
    `${layout.name}, ${layout.speed} mm/s, ${layout.gain} mm/mV, columns ${layout.timing}; ${answer.quality}`;
  $("warnings").replaceChildren(...answer.warnings.map((line) => make("li", { textContent: line })));
  showLeads();
  showWindows();
  showEdits();
  showForm(layout, answer.hints);
}

function showLeads() {
  const rows = reading.leads.map((lead) => {
    const row = make("tr", { className: `lead-${lead.name}` });
    const button = make("button", { type: "button", textContent: lead.name, onclick: () => toggle(lead.name) });
    button.setAttribute("aria-pressed", String(reading.windows[viewer.chosen]?.lead === lead.name));
    const head = make("th", { scope: "row" });
    head.append(button);
    const sigma = lead.sigma_mv === null ? "–" : microvolts(2000 * lead.sigma_mv);
    const unsure = make("td", { textContent: lead.unsure_s >= 0.005 ? `${lead.unsure_s.toFixed(2)} s` : "–" });
    unsure.classList.toggle("some", lead.unsure_s > MUCH * lead.read_s);
    const read = `${lead.read_s.toFixed(2)} s${lead.edited ? ", edited" : ""}`;
    row.append(head, make("td", { textContent: read }), make("td", { textContent: sigma }), unsure);
    return row;
  });
  $("leads").replaceChildren(...rows);
}

const microvolts = (value) => (value < 1 ? "< 1 µV" : `${value.toFixed(0)} µV`);

function showWindows() {
  const options = reading.windows.map(({ lead, start_s, stop_s }, k) =>
    make("option", { value: String(k), textContent: `${lead}, ${start_s.toFixed(1)} to ${stop_s.toFixed(1)} s` }),
  );
  $("window").replaceChildren(make("option", { value: "", textContent: "all" }), ...options);
  $("window").value = viewer.chosen === null ? "" : String(viewer.chosen);
}

function showEdits() {
  const lines = reading.edits.map((text, number) => {
    const line = make("li", { textContent: text });
    const back = make("button", { className: "remove", type: "button", textContent: "Undo" });
    back.setAttribute("aria-label", `Undo: ${text}`);
    back.onclick = () => change(`/api/pages/${reading.id}/edits/${number}`, { method: "DELETE" }, "Taken back.");
    line.append(back);
    return line;
  });
  $("edits").replaceChildren(...lines);
  const count = reading.edits.length;
  $("read-again").textContent = count ? `Read again, drop ${count} edit${count > 1 ? "s" : ""}` : "Read again";
}

// ---- a lead, a stretch of it, a line on it

function toggle(lead) {
  if (reading.windows[viewer.chosen]?.lead === lead) return choose(null);
  const of = reading.windows.map((window, k) => [window, k]).filter(([window]) => window.lead === lead);
  of.sort(([one], [other]) => other.stop_s - other.start_s - (one.stop_s - one.start_s));
  choose(of[0][1]);
}

function choose(number) {
  viewer.choose(number);
  $("window").value = number === null ? "" : String(number);
  const window = reading.windows[number];
  if (window) setSpan(window.start_s, window.stop_s, { quiet: true });
  else setSpan("", "", { quiet: true });
  for (const row of $("leads").rows) {
    const button = row.querySelector("button");
    button.setAttribute("aria-pressed", String(button.textContent === window?.lead));
  }
  say(window ? `Lead ${window.lead} alone.` : "All leads.");
}

function setSpan(from, to, { quiet = false } = {}) {
  $("from").value = from === "" ? "" : from.toFixed(2);
  $("to").value = to === "" ? "" : to.toFixed(2);
  viewer.stretch(quiet ? null : span());
}

function span() {
  const [from, to] = [$("from").valueAsNumber, $("to").valueAsNumber];
  return from < to ? [from, to] : null;
}

function setMode(mode) {
  for (const radio of document.getElementsByName("mode")) radio.checked = radio.value === mode;
  viewer.act(mode);
  $("draw-keys").hidden = mode !== "draw";
}

function blank() {
  if (!chosenWindow()) return;
  if (!span()) return void ($("edit-error").textContent = "Say from when to when, in seconds.");
  const [start_s, stop_s] = span();
  change(`/api/pages/${reading.id}/blank`, { method: "POST", body: { window: viewer.chosen, start_s, stop_s } }, "Blanked.");
}

function redraw() {
  if (!chosenWindow()) return;
  const body = { window: viewer.chosen, points: viewer.pen };
  change(`/api/pages/${reading.id}/redraw`, { method: "POST", body }, "Redrawn.");
}

function chosenWindow() {
  $("edit-error").textContent = viewer.chosen === null ? "Choose a lead first." : "";
  return viewer.chosen !== null;
}

async function change(path, options, done) {
  await attempt("edit-error", async () => {
    showReading(await api.json(path, options));
    viewer.clear();
    say(done);
  });
}

// ---- corrections

function showForm(found, hints) {
  $("layout").value = found.layout ?? found.name ?? "";
  $("names").value = found.leads.join(",");
  choices($("speed"), offers.speeds, "mm/s", found.speed);
  choices($("gain"), offers.gains, "mm/mV", found.gain);
  $("again").given = {
    layout: $("layout").value, names: $("names").value, speed: $("speed").value, gain: $("gain").value, hints,
  };
}

function choices(select, values, unit, found) {
  const options = values.map((value) => make("option", { value: String(value), textContent: `${value} ${unit}` }));
  select.replaceChildren(make("option", { value: "", textContent: "find it" }), ...options);
  select.value = found === "" ? "" : String(found);
}

/** What somebody says: what is not as it was found, and what was said before. */
function said() {
  const { given } = $("again"), told = {};
  const fields = { layout: "layout", speed: "speed", gain: "gain", names: "leads" };
  const before = { layout: "layout", speed: "speed_mm_per_s", gain: "gain_mm_per_mv", names: "leads" };
  for (const [id, name] of Object.entries(fields)) {
    const value = $(id).value.trim();
    if (value !== given[id] || before[id] in given.hints) told[name] = value;
  }
  return told;
}

async function readAgain(what) {
  await attempt("again-error", async () => {
    const now = await api.json(`/api/pages/${shown}/read`, { method: "POST", body: what });
    pages = pages.map((one) => (one.id === now.id ? now : one));
    reading = null;
    viewer.reading([]);
    await poll();
  });
  for (const id of ["layout", "names"]) $(id).setAttribute("aria-invalid", String($("again-error").textContent !== ""));
}

// ---- downloads

function showFormats() {
  const rate = $("rate").valueAsNumber, refused = [];
  const buttons = offers.formats.map(({ name, suffix, rates_hz: [low, high], refused: why }) => {
    const off = why || (rate >= low && rate <= high ? "" : `${name}: ${low} to ${high} samples a second only`);
    if (off) refused.push(off);
    return make("button", { type: "button", textContent: name.toUpperCase(), title: off || suffix, disabled: Boolean(off), onclick: () => save(name) });
  });
  const extras = Object.entries(offers.extras).map(([name, what]) =>
    make("button", { type: "button", textContent: what, onclick: () => save(name) }),
  );
  const all = make("button", { type: "button", className: "primary", textContent: "Everything, zip", onclick: () => save("all") });
  $("formats").replaceChildren(...buttons, ...extras, all);
  $("refused").textContent = refused.join(" ");
}

async function save(what) {
  await attempt("download-error", async () => {
    const answer = await api.request(`/api/pages/${shown}/download?what=${what}&fs=${$("rate").value}`);
    const name = /filename="([\w.-]+)"/.exec(answer.headers.get("Content-Disposition"))[1];
    const url = URL.createObjectURL(await answer.blob());
    make("a", { href: url, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
    say(`${name} saved.`);
  });
}

// ---- small things

/** Do something, and show the server's line where it refuses. */
async function attempt(id, what) {
  if (id) $(id).textContent = "";
  try {
    await what();
  } catch (error) {
    if (!(error instanceof api.Refused)) throw error;
    if (id) $(id).textContent = error.message;
    else say(error.message);
  }
}

function over(line) {
  clearTimeout(retry);
  asking?.abort();
  asking = null;
  pages = [];
  sending.length = 0;
  close();
  showPages();
  $("over").textContent = `${line} `;
  $("over").append(make("button", { type: "button", textContent: "Begin anew", onclick: () => location.reload() }));
  $("over").hidden = false;
}

function say(text) {
  $("say").textContent = text;
}

function make(name, properties) {
  return Object.assign(document.createElement(name), properties);
}

function fill(list, values) {
  list.replaceChildren(...values.map((value) => make("option", { value })));
}
