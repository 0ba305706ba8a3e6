// @ts-check
// The wall: what ticks on a team's screen, how old the news on it is, and keeping the screen awake.

const EVERY = 30_000; // news that nobody announces, such as a page that is an hour old
const OLD = 90; // seconds without news after which the screen says so
const wall = () => document.getElementById("wall");
let heard = Date.now();
let asked = Date.now();

/** @param {number} seconds */
function clock(seconds) {
  const size = Math.max(Math.trunc(seconds), 0);
  const two = (/** @type {number} */ value) => String(value).padStart(2, "0");
  if (size >= 86_400) return `${Math.trunc(size / 86_400)} d ${Math.trunc(size / 3600) % 24} h`;
  if (size >= 3600) return `${Math.trunc(size / 3600)}:${two(Math.trunc(size / 60) % 60)}:${two(size % 60)}`;
  return `${two(Math.trunc(size / 60))}:${two(size % 60)}`;
}

/** @param {number} seconds */
function words(seconds) {
  const minutes = Math.trunc(seconds / 60);
  if (minutes < 1) return "a moment";
  if (minutes < 60) return `${minutes} min`;
  return minutes < 1440 ? `${Math.trunc(minutes / 60)} h ${minutes % 60} min` : `${Math.trunc(minutes / 1440)} d ${Math.trunc(minutes / 60) % 24} h`;
}

/** @param {Element} element @param {string} text */
function put(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function tick() {
  const now = Date.now();
  let due = false;
  for (const time of document.querySelectorAll("time[datetime]")) {
    if (!(time instanceof HTMLTimeElement)) continue;
    const away = (new Date(time.dateTime).getTime() - now) / 1000;
    if ("countdown" in time.dataset) {
      put(time, away > 0 ? clock(away) : "0:00");
      if (away <= 0 && away > -EVERY / 1000) due = true;
    } else if ("age" in time.dataset) put(time, clock(-away));
    else if ("quiet" in time.dataset) put(time, words(-away));
  }
  for (const time of document.querySelectorAll("time[data-when='hhmm']")) {
    if (time instanceof HTMLTimeElement) put(time, new Date(time.dateTime).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" }));
  }
  const face = document.querySelector("[data-clock]");
  if (face) put(face, new Date(now).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" }));
  const age = Math.trunc((now - heard) / 1000);
  const fresh = document.querySelector("[data-fresh]");
  if (fresh) {
    fresh.removeAttribute("hidden");
    put(fresh, age < 5 ? "updated just now" : `updated ${age < 60 ? `${age} s` : words(age)} ago`);
  }
  document.body.classList.toggle("old", age > OLD);
  // A step that is due has its own news; it is asked for, should the stream be down.
  if (now - asked > (due ? 3000 : EVERY)) {
    asked = now;
    document.dispatchEvent(new CustomEvent("tocsin:stale"));
  }
}

document.addEventListener("htmx:after:swap", () => { tick(); });
// Only a fresh answer of the server counts as news: its own time stands in it.
let at = wall()?.dataset.at;
new MutationObserver(() => {
  const now = wall()?.dataset.at;
  if (now && now !== at) { at = now; heard = Date.now(); asked = heard; }
}).observe(document.body, { subtree: true, childList: true, attributes: true, attributeFilter: ["data-at"] });

const full = document.querySelector("[data-fullscreen]");
if (full instanceof HTMLElement && document.fullscreenEnabled) {
  full.hidden = false;
  full.addEventListener("click", () => {
    if (document.fullscreenElement) void document.exitFullscreen();
    else void document.documentElement.requestFullscreen();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "f" && !(event.target instanceof HTMLInputElement) && !event.ctrlKey && !event.metaKey) full.click();
  });
}

async function stayAwake() {
  if (document.visibilityState !== "visible" || !("wakeLock" in navigator)) return;
  try { await navigator.wakeLock.request("screen"); } catch { /* the browser may say no: the screen's own settings hold */ }
}

document.addEventListener("visibilitychange", stayAwake);
void stayAwake();
tick();
setInterval(tick, 1000);
