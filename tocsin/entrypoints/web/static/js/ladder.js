// @ts-check
// The editor of a policy: rungs come, go and move without a new page, the rehearsal beside them follows what is
// typed, and nothing that is typed is lost by accident. Without script the same buttons send the form.

const BREATH = 400;
const KEPT = 100;
const form = document.getElementById("ladderform");
/** How often each part was asked for. @type {Record<string, number>} */
const asked = {};
/** What the form held before each change, oldest first. @type {string[]} */
const past = [];
let present = "";
let saved = "";
let timer = 0;

/** All that is typed, apart from what only the rehearsal asks. */
function typed() {
  if (!(form instanceof HTMLFormElement)) return "";
  const data = new URLSearchParams();
  for (const [name, value] of new FormData(form)) {
    if (typeof value === "string" && !/^(csrfmiddlewaretoken|fire_|here$)/.test(name)) data.append(name, value);
  }
  return data.toString();
}

/** @param {string} id @param {string} deed @param {string} [held] in place of what the form holds */
async function send(id, deed, held) {
  if (!(form instanceof HTMLFormElement)) return;
  const turn = asked[id] = (asked[id] ?? 0) + 1;
  const all = new FormData(form);
  const data = new URLSearchParams(held ?? typed());
  for (const [name, value] of all) if (/^(csrfmiddlewaretoken|fire_|here$)/.test(name)) data.append(name, String(value));
  data.set("do", deed);
  const answer = await fetch(location.pathname, { method: "POST", body: data, headers: { Accept: "text/html" } });
  if (turn !== asked[id] || answer.redirected) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.getElementById(id), old = document.getElementById(id);
  if (fresh && old) old.replaceWith(document.importNode(fresh, true));
  document.dispatchEvent(new CustomEvent("htmx:after:swap"));
}

function unsaved() {
  const dirty = present !== saved;
  form?.querySelector("[data-unsaved]")?.toggleAttribute("hidden", !dirty);
  form?.querySelector("[data-undo]")?.toggleAttribute("hidden", past.length === 0);
  return dirty;
}

function changed() {
  const now = typed();
  if (now === present) return;
  past.push(present);
  if (past.length > KEPT) past.shift();
  present = now;
  unsaved();
}

function rehearse() {
  clearTimeout(timer);
  timer = window.setTimeout(() => { void send("fire", "preview"); }, BREATH);
}

/** Put the focus where the next thing is typed. @param {string} deed */
function follow(deed) {
  const [verb, where, which = ""] = deed.split(" ");
  const rungs = document.querySelectorAll(".rungedit");
  const number = parseInt(which, 10);
  /** @type {Element | null | undefined} */
  let spot;
  if (verb === "add" && where === "steps") spot = rungs[rungs.length - 1]?.querySelector(".targetrow .name");
  else if (verb === "add") {
    const rows = (where === "final" ? document.querySelector(".final") : rungs[number])?.querySelectorAll(".targetrow .name");
    spot = rows?.[rows.length - 1];
  } else if (verb === "up" || verb === "down") {
    const at = Math.min(Math.max(number + (verb === "up" ? -1 : 1), 0), rungs.length - 1);
    spot = rungs[at]?.querySelector(`button[value="${verb} steps ${at}"]:not(:disabled)`) ?? rungs[at]?.querySelector(".rungbuttons button:not(:disabled)");
  } else if (verb === "copy") spot = rungs[number + 1]?.querySelector(".targetrow .name");
  else spot = (rungs[Math.min(number || 0, rungs.length - 1)] ?? document).querySelector(".name, [data-key='add']");
  if (spot instanceof HTMLElement) spot.focus();
}

/** @param {string} deed */
async function act(deed) {
  await send("rungs", deed);
  changed();
  unsaved();
  follow(deed);
  rehearse();
}

async function undo() {
  const before = past.pop();
  if (before === undefined) return;
  await send("rungs", "draw", before);
  present = typed();
  unsaved();
  rehearse();
}

/** Which names a target may have follows its kind. @param {HTMLSelectElement} select */
function offer(select) {
  const name = select.closest(".targetrow")?.querySelector(".name");
  if (!(name instanceof HTMLInputElement)) return;
  const kind = select.value.split(":")[0];
  name.setAttribute("list", `names-${kind}`);
  name.placeholder = { schedule: "which schedule", team: "which team", user: "name or e-mail", chat: "#room", webhook: "https://…", runbook: "which runbook" }[kind] ?? "";
  if (kind === "owners") name.value = "";
}

if (form instanceof HTMLFormElement) {
  present = typed();
  // A form that came back with errors is not saved either.
  saved = form.hasAttribute("data-unsaved-yet") ? "" : present;
  unsaved();
  let leaving = false;

  form.addEventListener("click", (event) => {
    const button = event.target instanceof Element ? event.target.closest("button") : null;
    if (!button) return;
    if (button.hasAttribute("data-undo")) { void undo(); return; }
    if (button.name !== "do" || button.value === "save") return;
    event.preventDefault();
    if (button.value === "preview") void send("fire", "preview");
    else void act(button.value);
  });
  form.addEventListener("change", (event) => {
    if (event.target instanceof HTMLSelectElement && event.target.classList.contains("kind")) offer(event.target);
    changed();
    rehearse();
  });
  form.addEventListener("input", rehearse);
  form.addEventListener("submit", () => { leaving = true; });
  window.addEventListener("beforeunload", (event) => {
    changed();
    if (!leaving && unsaved()) event.preventDefault();
  });
  window.addEventListener("pageshow", () => { leaving = false; });

  form.addEventListener("keydown", (event) => {
    const rung = event.target instanceof Element ? event.target.closest(".rungedit") : null;
    if (rung && event.altKey && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
      event.preventDefault();
      const button = rung.querySelector(`.rungbuttons button[value^="${event.key === "ArrowUp" ? "up" : "down"} "]:not(:disabled)`);
      if (button instanceof HTMLElement) button.click();
    }
    // Enter in a field would send the form as its first button does: show the rehearsal, save nothing.
    if (event.key === "Enter" && event.target instanceof HTMLInputElement) { event.preventDefault(); changed(); void send("fire", "preview"); }
  });

  /** @type {string | undefined} */
  let held;
  form.addEventListener("pointerover", (event) => {
    const handle = event.target instanceof Element ? event.target.closest("[data-drag]") : null;
    if (handle instanceof HTMLElement && !handle.closest("fieldset:disabled")) handle.draggable = true;
  });
  form.addEventListener("dragstart", (event) => {
    const rung = event.target instanceof Element ? event.target.closest(".rungedit") : null;
    if (!(rung instanceof HTMLElement) || !event.dataTransfer) return;
    held = rung.dataset.rung;
    rung.classList.add("held");
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setDragImage(rung, 14, 14);
    event.dataTransfer.setData("text/plain", `step ${Number(held) + 1}`);
  });
  form.addEventListener("dragover", (event) => {
    const rung = event.target instanceof Element ? event.target.closest(".rungedit") : null;
    if (held === undefined || !rung) return;
    event.preventDefault();
    for (const each of form.querySelectorAll(".rungedit")) each.classList.toggle("landing", each === rung);
  });
  form.addEventListener("drop", (event) => {
    const rung = event.target instanceof Element ? event.target.closest(".rungedit") : null;
    if (held === undefined || !(rung instanceof HTMLElement)) return;
    event.preventDefault();
    if (rung.dataset.rung !== held) void act(`move steps ${held} ${rung.dataset.rung}`);
  });
  form.addEventListener("dragend", () => {
    held = undefined;
    for (const each of form.querySelectorAll(".held, .landing")) each.classList.remove("held", "landing");
  });
}
