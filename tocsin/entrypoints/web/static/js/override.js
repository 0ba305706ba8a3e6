// @ts-check
// The dialog in which a drag ends, and what the server says would change while it is open.

import { wall } from "./wall.js";

const BREATH = 150;
const SURE = "Really delete?";

/** Show only the fields that a kind of override has. @param {HTMLFormElement} form */
export function fit(form) {
  const kind = new FormData(form).get("kind") ?? "override";
  for (const field of form.querySelectorAll("[data-for]")) {
    if (field instanceof HTMLElement) field.hidden = !(field.dataset.for ?? "").split(" ").includes(String(kind));
  }
}

for (const form of document.querySelectorAll("form[data-override]")) {
  if (!(form instanceof HTMLFormElement)) continue;
  fit(form);
  form.addEventListener("change", () => fit(form));
}

export class OverrideDialog {
  static find() {
    const dialog = document.getElementById("override-dialog");
    const form = dialog?.querySelector("form[data-override]");
    return dialog instanceof HTMLDialogElement && form instanceof HTMLFormElement ? new OverrideDialog(dialog, form) : null;
  }

  /** @param {HTMLDialogElement} dialog @param {HTMLFormElement} form */
  constructor(dialog, form) {
    this.dialog = dialog;
    this.form = form;
    this.item = "";
    this.timer = 0;
    this.asked = 0;
    /** @type {Element[]} */
    this.lanes = [];
    /** @type {{remove: () => void} | null} */
    this.ghost = null;
    this.user = dialog.dataset.me ?? "";
    dialog.addEventListener("close", () => { this.ghost?.remove(); this.ghost = null; this.restore(); });
    // The first press asks, the second deletes.
    this.remove = dialog.querySelector("[data-remove]");
    this.remove?.addEventListener("click", (event) => {
      const label = this.remove?.querySelector("span");
      if (!label || label.textContent === SURE) return;
      event.preventDefault();
      label.textContent = SURE;
    });
    form.addEventListener("input", () => this.ask());
    form.addEventListener("change", () => this.ask());
  }

  get zone() {
    return this.value("zone") || "UTC";
  }

  /** @param {string} name */
  value(name) {
    return String(new FormData(this.form).get(name) ?? "");
  }

  /** @param {string} name @param {string} value */
  set(name, value) {
    const field = this.form.elements.namedItem(name);
    if (field instanceof RadioNodeList || field instanceof HTMLInputElement) field.value = value;
  }

  /** @param {Date} start @param {Date} end @param {{remove: () => void}} ghost */
  add(start, end, ghost) {
    this.ghost = ghost;
    this.fill({ start, end, item: "", kind: "override", user: this.user, replaces: "" });
    this.form.action = this.dialog.dataset.add ?? "";
    this.open(this.dialog.dataset.titleAdd ?? "", "");
  }

  /** @param {SVGElement} bar @param {Date} [start] @param {Date} [end] */
  edit(bar, start, end) {
    const data = bar.dataset;
    this.fill({
      start: start ?? new Date(data.start ?? ""), end: end ?? new Date(data.end ?? ""), item: data.item ?? "",
      kind: data.kind ?? "override", user: data.user ?? "", replaces: data.replaces ?? "",
    });
    this.set("version", data.version ?? "");
    const url = bar.querySelector("a")?.getAttribute("href") ?? "";
    this.form.action = url;
    this.open(this.dialog.dataset.titleEdit ?? "", `${url}/delete`);
  }

  /** @param {{start: Date, end: Date, item: string, kind: string, user: string, replaces: string}} what */
  fill(what) {
    this.item = what.item;
    this.set("start", wall(what.start, this.zone));
    this.set("end", wall(what.end, this.zone));
    this.set("kind", what.kind);
    this.set("user", what.user);
    this.set("replaces", what.replaces);
    this.set("version", "");
    fit(this.form);
  }

  /** @param {string} title @param {string} remove */
  open(title, remove) {
    const heading = this.dialog.querySelector("h2");
    if (heading) heading.textContent = title;
    const removal = document.getElementById("override-remove");
    if (removal instanceof HTMLFormElement) removal.action = remove;
    this.remove?.toggleAttribute("hidden", !remove);
    const label = this.remove?.querySelector("span");
    if (label) label.textContent = "Delete";
    this.dialog.showModal();
    const field = this.form.querySelector('input[name="user"]');
    if (field instanceof HTMLInputElement) { field.focus(); field.select(); }
    this.ask(0);
  }

  /** While something is dragged. @param {Date} start @param {Date} end @param {string} item */
  preview(start, end, item) {
    if (!item) this.fill({ start, end, item: "", kind: "override", user: this.user, replaces: "" });
    else {
      const bar = document.querySelector(`.bar[data-item="${CSS.escape(item)}"]`);
      const data = bar instanceof SVGElement ? bar.dataset : {};
      this.fill({ start, end, item, kind: data.kind ?? "override", user: data.user ?? "", replaces: data.replaces ?? "" });
    }
    if (!this.timer) this.ask();
  }

  /** Fetch what would change, soon. @param {number} [delay] */
  ask(delay = BREATH) {
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => { this.timer = 0; void this.fetch(); }, delay);
  }

  async fetch() {
    const turn = ++this.asked;
    const query = new URLSearchParams(location.search);
    for (const name of ["kind", "user", "replaces", "start", "end", "zone"]) query.set(name, this.value(name));
    if (this.item) query.set("item", this.item);
    const answer = await fetch(`${this.dialog.dataset.preview}?${query}`, { headers: { Accept: "text/html" } });
    if (turn !== this.asked || !answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const after = [...page.querySelectorAll("[data-after] .lane.final")];
    this.restore(false);
    if (after.length) this.swap(after);
    page.querySelector("[data-after]")?.remove();
    const body = page.querySelector(".change .body");
    document.getElementById("dialog-change")?.replaceChildren(...(body ? [document.importNode(body, true)] : []));
  }

  /** Put the answer as it would be in the place of the answer. @param {Element[]} after */
  swap(after) {
    this.lanes = [...document.querySelectorAll("#schedule .lane.final")];
    const [first, ...rest] = this.lanes;
    const fresh = after.map((lane) => document.importNode(lane, true));
    for (const lane of fresh) lane.classList.add("draft");
    first?.replaceWith(...fresh);
    for (const lane of rest) lane.remove();
  }

  /** @param {boolean} [forget] answers under way count no more */
  restore(forget = true) {
    if (forget) { this.asked += 1; clearTimeout(this.timer); this.timer = 0; }
    const [first, ...rest] = document.querySelectorAll("#schedule .lane.final.draft");
    if (first && this.lanes.length) first.replaceWith(...this.lanes);
    for (const lane of rest) lane.remove();
    this.lanes = [];
  }
}
