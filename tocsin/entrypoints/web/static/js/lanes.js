// @ts-check
// A schedule's lanes: keys, the line that says now, what a bar is, and overrides made by dragging.
// All of it is also there without script: the links, the table, the override's own page.

import { Drag, grip } from "./drag.js";
import { OverrideDialog } from "./override.js";

const NOW_EVERY = 30_000;
const LEAVES_AFTER = 220;

const dialog = OverrideDialog.find();
const card = document.getElementById("shiftcard");
/** @type {Drag | null} */
let drag = null;
let leaving = 0;
let pinned = false;

/** @param {EventTarget | null} target @param {string} selector */
function closest(target, selector) {
  return target instanceof Element ? target.closest(selector) : null;
}

/* ---- keys ---- */

document.addEventListener("keydown", (event) => {
  // `g t` goes to the teams and not to today: whoever took the key has said so.
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  if (document.querySelector("dialog[open]")) return;
  if (event.key === "Escape") {
    const bar = card?.contains(document.activeElement) ? document.querySelector(".bar.open a") : null;
    if (bar instanceof SVGElement) bar.focus();
    hide();
    return;
  }
  if (closest(event.target, "input, textarea, select, [contenteditable]")) return;
  const bar = closest(event.target, ".bar a");
  if (bar && (event.key === "ArrowLeft" || event.key === "ArrowRight")) {
    const all = [...(bar.closest(".bars")?.querySelectorAll(".bar a") ?? [])];
    const next = all[all.indexOf(bar) + (event.key === "ArrowRight" ? 1 : -1)];
    if (next instanceof SVGElement) { event.preventDefault(); next.focus(); }
    return;
  }
  const link = document.querySelector(`[data-shortcut="${CSS.escape(event.key)}"]`);
  if (link instanceof HTMLElement) { event.preventDefault(); link.click(); }
});

/** One stop of the tab key for each lane; the arrows go on from there. */
function rove() {
  for (const lane of document.querySelectorAll("#schedule .bars")) {
    lane.querySelectorAll(".bar a").forEach((bar, index) => bar.setAttribute("tabindex", index ? "-1" : "0"));
  }
}

/* ---- now ---- */

function tick() {
  for (const lanes of document.querySelectorAll("[data-lanes]")) {
    if (!(lanes instanceof HTMLElement)) continue;
    const start = Date.parse(lanes.dataset.start ?? ""), end = Date.parse(lanes.dataset.end ?? "");
    const share = (Date.now() - start) / (end - start);
    const group = lanes.querySelector("[data-now]");
    if (!group) continue;
    group.setAttribute("visibility", share >= 0 && share < 1 ? "visible" : "hidden");
    const x = `${(Math.min(Math.max(share, 0), 1) * 100).toFixed(3)}%`;
    for (const line of group.querySelectorAll("line")) { line.setAttribute("x1", x); line.setAttribute("x2", x); }
    group.querySelector("circle")?.setAttribute("cx", x);
  }
}

/* ---- what a bar is ---- */

/** @param {Element} bar @param {boolean} stay */
function show(bar, stay) {
  if (!card || !(bar instanceof SVGElement) || drag?.started) return;
  clearTimeout(leaving);
  document.querySelector(".bar.open")?.classList.remove("open");
  bar.classList.add("open");
  pinned = stay;
  const who = document.createElement("strong");
  who.textContent = bar.dataset.who ?? "";
  const when = document.createElement("span");
  when.textContent = bar.dataset.when ?? "";
  const why = document.createElement("span");
  why.className = "why";
  why.textContent = bar.dataset.why ?? "";
  const acts = document.createElement("div");
  acts.className = "acts";
  const row = document.getElementById(`shift-${bar.dataset.number}`);
  if (bar.dataset.number && row) {
    for (const each of row.querySelectorAll("td.acts > *")) acts.append(each.cloneNode(true));
  }
  card.replaceChildren(who, when, why, acts);
  card.hidden = false;
  const box = bar.getBoundingClientRect(), size = card.getBoundingClientRect();
  const below = box.bottom + size.height + 12 < innerHeight;
  const left = Math.min(Math.max(box.left, 8), document.documentElement.clientWidth - size.width - 8);
  card.style.left = `${left + scrollX}px`;
  card.style.top = `${(below ? box.bottom + 6 : box.top - size.height - 6) + scrollY}px`;
}

function hide() {
  pinned = false;
  if (card) card.hidden = true;
  document.querySelector(".bar.open")?.classList.remove("open");
}

function leave() {
  clearTimeout(leaving);
  leaving = window.setTimeout(() => { if (!pinned && !card?.matches(":hover")) hide(); }, LEAVES_AFTER);
}

document.addEventListener("pointerover", (event) => {
  const bar = closest(event.target, "#schedule .bar");
  if (bar && event.pointerType !== "touch") show(bar, false);
  else if (closest(event.target, "#shiftcard")) clearTimeout(leaving);
  else if (!card?.hidden) leave();
});
document.addEventListener("focusin", (event) => {
  const bar = closest(event.target, "#schedule .bar");
  if (bar && event.target instanceof Element && event.target.matches(":focus-visible")) show(bar, false);
  else if (!closest(event.target, "#shiftcard") && !pinned) leave();
});
document.addEventListener("click", (event) => {
  const link = closest(event.target, "#schedule .bar a");
  const bar = link?.closest(".bar");
  if (!link || !(bar instanceof SVGElement)) {
    if (!closest(event.target, "#shiftcard")) hide();
    return;
  }
  if (bar.dataset.item && dialog && bar.classList.contains("movable")) {
    event.preventDefault();
    hide();
    dialog.edit(bar);
  } else if (bar.dataset.number) {
    event.preventDefault();
    show(bar, true);
    // By keyboard the next stop is what can be done with the shift.
    const first = card?.querySelector("a, button");
    if (event.detail === 0 && first instanceof HTMLElement) first.focus();
  }
});

/* ---- dragging ---- */

document.addEventListener("pointermove", (event) => {
  if (drag) { drag.move(event); return; }
  const bar = closest(event.target, ".bar.movable");
  bar?.classList.toggle("atedge", grip(bar, event.clientX) !== "move");
});
document.addEventListener("pointerdown", (event) => {
  if (!dialog || event.button !== 0 || event.pointerType === "touch") return;
  drag = Drag.begin(event, (start, end, item) => dialog.preview(start, end, item));
  if (drag) { event.preventDefault(); }
});
document.addEventListener("pointerup", () => {
  const done = drag;
  drag = null;
  if (!done) return;
  const result = done.finish();
  if (!result || !dialog) return;
  hide();
  // The click that ends a drag, if there is one, is not a click on the bar below it.
  /** @param {Event} event */
  const swallow = (event) => { event.preventDefault(); event.stopPropagation(); };
  addEventListener("click", swallow, true);
  setTimeout(() => removeEventListener("click", swallow, true), 50);
  setTimeout(() => {
    if (result.bar) dialog.edit(result.bar, result.start, result.end);
    else dialog.add(result.start, result.end, done);
  });
});
function cancel() {
  drag?.remove();
  drag = null;
  dialog?.restore();
}
document.addEventListener("pointercancel", cancel);
document.addEventListener("keydown", (event) => { if (event.key === "Escape" && drag) { event.stopImmediatePropagation(); cancel(); } }, true);
document.addEventListener("dragstart", (event) => { if (closest(event.target, ".lanes")) event.preventDefault(); });

/* ---- at once ---- */

function arrange() {
  rove();
  tick();
  if (dialog && matchMedia("(pointer: fine)").matches) {
    for (const lanes of document.querySelectorAll("#schedule [data-lanes]")) lanes.classList.add("draggable");
    document.querySelector("[data-drag-say]")?.removeAttribute("hidden");
  }
}

const mine = document.querySelector("[data-my-zone]");
if (mine instanceof HTMLAnchorElement) {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  mine.href += `&zone=${encodeURIComponent(zone)}`;
  const label = mine.querySelector("span");
  if (label) label.textContent = zone;
  mine.hidden = zone === mine.dataset.home;
}
arrange();
// Where the lanes are wider than the screen, now is what one came to see.
for (const strip of document.querySelectorAll(".strip")) {
  const line = strip.querySelector('[data-now]:not([visibility="hidden"]) line');
  if (line) strip.scrollLeft += line.getBoundingClientRect().left - strip.getBoundingClientRect().left - strip.clientWidth / 2;
}
setInterval(tick, NOW_EVERY);
document.addEventListener("htmx:after:swap", arrange);
