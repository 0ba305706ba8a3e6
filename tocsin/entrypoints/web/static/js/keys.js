// @ts-check
// Keyboard first: `?` shows what is here, `/` searches, `g` and a letter goes, j/k/x/a/r work a list or an incident.

const places = JSON.parse(document.getElementById("places")?.textContent ?? "{}");
let waitingForPlace = false;

/** @param {EventTarget | null} target */
function typing(target) {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
    && !(target instanceof HTMLInputElement && target.type === "checkbox");
}

/** @returns {HTMLElement[]} */
function rows() {
  return [...document.querySelectorAll("[data-row]")].filter((row) => row instanceof HTMLElement);
}

function current() {
  return document.querySelector("[data-row].current");
}

/** @param {number} step */
function move(step) {
  const all = rows();
  const at = all.findIndex((row) => row.classList.contains("current"));
  const next = all[Math.min(Math.max(at + step, 0), all.length - 1)];
  for (const row of all) row.classList.toggle("current", row === next);
  next?.querySelector("a")?.focus({ preventScroll: true });
  next?.scrollIntoView({ block: "nearest" });
}

/** Press the page's button for an action; on a list, for the picked rows or the current one. @param {string} name */
function act(name) {
  const row = current();
  const box = row?.querySelector('input[name="ref"]');
  const anyPicked = document.querySelector('input[name="ref"]:checked');
  if (box instanceof HTMLInputElement && !anyPicked) {
    box.checked = true;
    box.dispatchEvent(new Event("change", { bubbles: true }));
  }
  const button = document.querySelector(`button[data-key="${name}"]`);
  if (button instanceof HTMLButtonElement && !button.disabled) button.click();
}

/** Follow the page's own link or button of that name. @param {string} name */
function press(name) {
  const found = document.querySelector(`a[data-key="${name}"], button[data-key="${name}"]:not(:disabled)`);
  if (found instanceof HTMLElement) found.click();
}

/** @type {Record<string, () => void>} */
const keys = {
  "?": () => dialog("help")?.showModal(),
  "/": () => {
    const field = document.querySelector('input[type="search"]');
    if (field instanceof HTMLInputElement) { field.focus(); field.select(); }
    else document.dispatchEvent(new CustomEvent("tocsin:palette"));
  },
  j: () => move(1),
  k: () => move(-1),
  x: () => { const box = current()?.querySelector('input[type="checkbox"]'); if (box instanceof HTMLElement) box.click(); },
  a: () => { act("acknowledge"); press("add"); },
  e: () => press("edit"),
  r: () => act("resolve"),
  c: () => { location.assign(places.declare?.url ?? "/incidents/declare"); },
  n: () => { const note = document.getElementById("note"); note?.focus(); },
};

/** @param {string} id */
function dialog(id) {
  const found = document.getElementById(id);
  return found instanceof HTMLDialogElement ? found : null;
}

document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
    event.preventDefault();
    document.dispatchEvent(new CustomEvent("tocsin:palette"));
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
  if (document.querySelector("dialog[open]") && event.key !== "Escape") return;
  if (waitingForPlace) {
    waitingForPlace = false;
    const place = Object.values(places).find((each) => each.key === event.key);
    if (place) { event.preventDefault(); location.assign(place.url); }
    return;
  }
  if (event.key === "g") {
    waitingForPlace = true;
    setTimeout(() => { waitingForPlace = false; }, 1500);
    return;
  }
  const deed = Object.hasOwn(keys, event.key) ? keys[event.key] : null;
  if (deed) { event.preventDefault(); deed(); }
});

document.addEventListener("click", (event) => {
  const target = event.target instanceof Element ? event.target : null;
  const opener = target?.closest("[data-dialog]");
  if (opener) dialog(opener.getAttribute("data-dialog") ?? "")?.showModal();
  if (target?.closest("[data-close]")) target.closest("dialog")?.close();
  if (target instanceof HTMLDialogElement) target.close();
});
