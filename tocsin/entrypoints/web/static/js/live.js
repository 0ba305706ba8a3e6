// @ts-check
// The server only names what changed; whoever shows it fetches its own fragment and morphs it in.
//   data-live="incident:INC-7"  an element that shows one thing (several names, separated by spaces)
//   data-live="incident:*"      an element that shows all of a kind
// A new status of an incident comes with its name, and is drawn at once from the page's own templates.
//   data-live-url               where its fragment is (absent: this page); the element is found in it by its id

/** @typedef {{ajax: (verb: string, url: string, options: object) => Promise<void>}} Htmx */

const htmx = /** @type {Htmx} */ (/** @type {any} */ (globalThis).htmx);
const dot = document.querySelector(".livedot");
/** @type {Set<HTMLElement>} */
const stale = new Set();
// In a storm of changes a page fetches once a second at most.
const BREATH = 1000;
const BUSY = "details:is(.drop, .fold)[open], .htmx-request, :focus:is(input, textarea, select)";
let timer = 0;
let fetched = 0;
let failures = 0;

/** @param {"live" | "lost" | "off"} state @param {string} text */
function say(state, text) {
  if (!(dot instanceof HTMLElement)) return;
  dot.dataset.state = state;
  const label = dot.querySelector("span");
  if (label) label.textContent = text;
}

async function refresh() {
  timer = 0;
  const elements = [...stale].filter((element) => element.isConnected && element.id);
  stale.clear();
  for (const element of elements) {
    // Half-typed forms and open drop-downs are left alone until the next change; so is what waits for the
    // answer to its own request, which would find its place taken and lose its message.
    if (!element.isConnected) continue;
    if (element.matches(".htmx-request") || element.querySelector(BUSY)) { stale.add(element); continue; }
    const url = element.dataset.liveUrl ?? location.pathname + location.search;
    const id = `#${CSS.escape(element.id)}`;
    // The server keeps its messages for the page that the reader asked for.
    const headers = { "X-Live": "1" };
    await htmx.ajax("GET", url, { target: id, select: id, selectOOB: null, swap: "outerMorph", source: element, headers });
  }
  fetched = Date.now();
  if (stale.size) schedule(3000);
}

/** @param {number} delay */
function schedule(delay) {
  if (!timer) timer = window.setTimeout(refresh, Math.max(delay, BREATH - (Date.now() - fetched)));
}

/** @param {Element} element @param {string} state */
function draw(element, state) {
  const drawn = document.querySelector(`template[data-state="${CSS.escape(state)}"]`);
  const pill = element.querySelector(":scope > .statecell > [data-pill], :scope > .inchead [data-pill]");
  if (pill && drawn instanceof HTMLTemplateElement) pill.replaceWith(drawn.content.cloneNode(true));
}

/** @param {string} kind @param {string} id @param {string} state @param {number} spread */
function changed(kind, id, state = "", spread = 0) {
  const later = 150 + Math.random() * spread;
  if (kind === "*") {
    for (const each of document.querySelectorAll("[data-live]")) if (each instanceof HTMLElement) stale.add(each);
    schedule(later);
    return;
  }
  const own = document.querySelectorAll(`[data-live~="${CSS.escape(kind)}:${CSS.escape(id)}"]`);
  const all = document.querySelectorAll(`[data-live~="${CSS.escape(kind)}:*"]`);
  // A row that is shown refreshes itself; a list is fetched again only for what it does not show.
  const needed = [...own, ...[...all].filter((each) => ![...own].some((mine) => each.contains(mine)))];
  if (state) for (const element of own) draw(element, state);
  for (const element of needed) if (element instanceof HTMLElement) stale.add(element);
  if (stale.size) schedule(later);
}

async function listen() {
  let ticket = "";
  try {
    const answer = await fetch(document.body.dataset.ticket ?? "/live/ticket", { headers: { Accept: "application/json" } });
    if (answer.redirected || answer.status === 401) { say("off", "Signed out"); return; }
    ticket = (await answer.json()).ticket;
  } catch {
    again();
    return;
  }
  const source = new EventSource(`/api/v1/stream?ticket=${encodeURIComponent(ticket)}`);
  source.addEventListener("open", () => {
    if (failures) for (const each of document.querySelectorAll("[data-live]")) if (each instanceof HTMLElement) stale.add(each);
    if (stale.size) schedule(0);
    failures = 0;
    say("live", "Live");
  });
  source.addEventListener("changed", (event) => {
    const { kind, id, state, spread } = JSON.parse(event.data);
    changed(kind, String(id), state, spread);
  });
  // A ticket lives a minute: reconnecting needs a fresh one, so the browser's own retry is not used.
  source.addEventListener("error", () => { source.close(); again(); });
  window.addEventListener("pagehide", () => source.close(), { once: true });
}

function again() {
  failures += 1;
  // The server ends each stream now and then to ask for a new ticket; that is no reason for alarm.
  if (failures > 1) say("lost", "Reconnecting…");
  window.setTimeout(listen, Math.min(300 * 2 ** failures, 15_000) * (0.7 + Math.random() * 0.6));
}

// A page that knows of news which nobody announces asks for them itself.
document.addEventListener("tocsin:stale", () => changed("*", ""));

if (document.querySelector("[data-live]") && dot) listen();
