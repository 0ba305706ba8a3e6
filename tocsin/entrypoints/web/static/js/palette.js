// @ts-check
// Ctrl-K: pages, incidents, services, people by name. Answers come from /search.json.

/** @typedef {{title: string, kind: string, url: string}} Hit */

const dialog = document.getElementById("palette");
const input = dialog?.querySelector("input");
const list = dialog?.querySelector("ul");
const nothing = dialog?.querySelector(".nothing");
const places = Object.values(JSON.parse(document.getElementById("places")?.textContent ?? "{}"));
/** @type {Hit[]} */
let hits = [];
let at = 0;
let asked = 0;

/** @param {string} text @returns {Hit[]} */
function pages(text) {
  return places
    .filter((place) => place.title.toLowerCase().includes(text.toLowerCase()))
    .map((place) => ({ title: place.title, kind: "Go to", url: place.url }));
}

function draw() {
  if (!list || !input) return;
  list.replaceChildren(...hits.map((hit, index) => {
    const row = document.createElement("li");
    row.role = "option";
    row.id = `hit-${index}`;
    row.ariaSelected = String(index === at);
    const title = document.createElement("span");
    title.className = "clip";
    title.textContent = hit.title;
    const kind = document.createElement("span");
    kind.className = "kind";
    kind.textContent = hit.kind;
    row.append(title, kind);
    row.addEventListener("click", () => location.assign(hit.url));
    return row;
  }));
  input.setAttribute("aria-activedescendant", hits.length ? `hit-${at}` : "");
  nothing?.toggleAttribute("hidden", hits.length > 0);
  list.children[at]?.scrollIntoView({ block: "nearest" });
}

async function ask() {
  const text = input?.value.trim() ?? "";
  const turn = ++asked;
  at = 0;
  hits = pages(text);
  draw();
  if (text.length < 2) return;
  const answer = await fetch(`/search.json?q=${encodeURIComponent(text)}`, { headers: { Accept: "application/json" } });
  if (turn !== asked || !answer.ok) return;
  hits = [...pages(text), ...(await answer.json()).items];
  draw();
}

document.addEventListener("tocsin:palette", () => {
  if (!(dialog instanceof HTMLDialogElement) || !input) return;
  if (!dialog.open) dialog.showModal();
  input.value = "";
  input.focus();
  ask();
});

document.addEventListener("click", (event) => {
  if (event.target instanceof Element && event.target.closest("[data-palette]")) {
    document.dispatchEvent(new CustomEvent("tocsin:palette"));
  }
});

input?.addEventListener("input", ask);
input?.addEventListener("keydown", (event) => {
  if (event.key === "ArrowDown") at = Math.min(at + 1, hits.length - 1);
  else if (event.key === "ArrowUp") at = Math.max(at - 1, 0);
  else if (event.key === "Enter") { if (hits[at]) location.assign(hits[at].url); }
  else return;
  event.preventDefault();
  draw();
});
