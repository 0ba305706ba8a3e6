// @ts-check
// One drag on the lanes: a new stretch of time on the answer, or an override moved or made longer or shorter.

import { stretch } from "./wall.js";

const EDGE = 8; // pixels
const STARTS_AFTER = 5; // pixels
const MINUTE = 60_000;
/** Minutes that a time snaps to. @type {Record<string, number>} */
const STEP = { week: 15, "2weeks": 30, month: 60 };
const SVG = "http://www.w3.org/2000/svg";

/** What of a bar is under the pointer. @param {Element} bar @param {number} x @returns {"start" | "end" | "move"} */
export function grip(bar, x) {
  const box = bar.getBoundingClientRect();
  const edge = Math.min(EDGE, box.width / 3);
  if (x > box.right - edge) return "end";
  return x < box.left + edge ? "start" : "move";
}

export class Drag {
  /** @param {PointerEvent} event @param {(start: Date, end: Date, item: string) => void} say */
  static begin(event, say) {
    const target = event.target instanceof Element ? event.target : null;
    const lanes = target?.closest("#schedule [data-lanes]");
    if (!(lanes instanceof HTMLElement)) return null;
    const bar = target?.closest(".bar.movable") ?? null;
    const bars = target?.closest(bar ? ".bars" : ".lane.final .bars");
    if (!bars || Date.parse(lanes.dataset.end ?? "") <= Date.now()) return null;
    return new Drag(lanes, bars, bar instanceof SVGElement ? bar : null, event, say);
  }

  /** @param {HTMLElement} lanes @param {Element} bars @param {SVGElement | null} bar @param {PointerEvent} event @param {(start: Date, end: Date, item: string) => void} say */
  constructor(lanes, bars, bar, event, say) {
    this.lanes = lanes;
    this.bars = bars;
    this.bar = bar;
    this.say = say;
    this.x = event.clientX;
    this.started = false;
    this.first = Date.parse(lanes.dataset.start ?? "");
    this.last = Date.parse(lanes.dataset.end ?? "");
    this.step = (STEP[lanes.dataset.span ?? ""] ?? 30) * MINUTE;
    this.from = this.at(event.clientX);
    this.start = bar ? Date.parse(bar.dataset.start ?? "") : this.from;
    this.end = bar ? Date.parse(bar.dataset.end ?? "") : this.from + this.step;
    /** @type {"create" | "start" | "end" | "move"} */
    this.what = bar ? grip(bar, event.clientX) : "create";
    // What has begun keeps its beginning.
    if (bar && this.start <= Date.now()) this.what = "end";
    this.was = { start: this.start, end: this.end };
    /** @type {SVGSVGElement | null} */
    this.ghost = null;
  }

  /** The instant under a pointer, snapped. Steps count from the first midnight, which every zone's clock shows. @param {number} x */
  at(x) {
    // Not of the lane itself: a preview replaces it while it is dragged on.
    const strip = this.lanes.querySelector(".grounds") ?? this.bars;
    const box = strip.getBoundingClientRect();
    const share = Math.min(Math.max((x - box.left) / box.width, 0), 1);
    const steps = Math.round((share * (this.last - this.first)) / this.step);
    return Math.min(this.first + steps * this.step, this.last);
  }

  /** @param {PointerEvent} event */
  move(event) {
    if (!this.started && Math.abs(event.clientX - this.x) < STARTS_AFTER) return;
    if (!this.started) {
      this.started = true;
      this.lanes.classList.add("dragging");
      this.ghost = this.draw();
    }
    const now = Math.ceil(Date.now() / MINUTE) * MINUTE;
    const to = this.at(event.clientX);
    if (this.what === "create") {
      this.start = Math.max(Math.min(this.from, to), now);
      this.end = Math.max(this.from, to, this.start + this.step);
    } else if (this.what === "start") {
      this.start = Math.min(Math.max(to, now), this.end - this.step);
    } else if (this.what === "end") {
      this.end = Math.max(to, this.start + this.step, now);
    } else {
      const by = Math.max(to - this.from, now - this.was.start);
      this.start = this.was.start + by;
      this.end = this.was.end + by;
    }
    this.place();
    this.say(new Date(this.start), new Date(this.end), this.bar?.dataset.item ?? "");
  }

  draw() {
    const ghost = document.createElementNS(SVG, "svg");
    ghost.setAttribute("class", "nowover ghost");
    const rect = document.createElementNS(SVG, "rect");
    rect.setAttribute("rx", "6");
    ghost.append(rect, document.createElementNS(SVG, "text"));
    this.lanes.append(ghost);
    return ghost;
  }

  place() {
    const rect = this.ghost?.querySelector("rect"), text = this.ghost?.querySelector("text");
    const lane = this.bars.isConnected ? this.bars : this.lanes.querySelector(".lane.final .bars");
    if (!rect || !text || !lane) return;
    const top = lane.getBoundingClientRect().top - this.lanes.getBoundingClientRect().top;
    /** @param {number} moment */
    const percent = (moment) => ((moment - this.first) / (this.last - this.first)) * 100;
    rect.setAttribute("x", `${percent(this.start)}%`);
    rect.setAttribute("width", `${percent(this.end) - percent(this.start)}%`);
    rect.setAttribute("y", String(top + 4));
    rect.setAttribute("height", String(Math.max(lane.getBoundingClientRect().height - 8, 30)));
    text.textContent = stretch(new Date(this.start), new Date(this.end), this.lanes.dataset.zone ?? "UTC");
    const late = percent(this.start) > 70;
    text.setAttribute("x", `${late ? percent(this.end) : percent(this.start)}%`);
    text.setAttribute("text-anchor", late ? "end" : "start");
    text.setAttribute("y", String(top + lane.getBoundingClientRect().height + 14));
  }

  /** What came of it; null when it was no drag. */
  finish() {
    this.lanes.classList.remove("dragging");
    if (!this.started) return null;
    if (this.bar) this.remove();
    return { start: new Date(this.start), end: new Date(this.end), bar: this.bar };
  }

  remove() {
    this.lanes.classList.remove("dragging");
    this.ghost?.remove();
    this.ghost = null;
  }
}
