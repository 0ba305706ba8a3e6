// @ts-check
// The editors of the rota: rows come and go without a new page, and the preview follows what is typed.
// Without script the same buttons send the form.

const BREATH = 500;
const form = document.getElementById("editor");
let timer = 0;
/** How often each part was asked for. @type {Record<string, number>} */
const asked = {};

/** Send the form as the button `deed` would, and put the part `id` of the answer in its place. @param {string} deed @param {string} id */
async function send(deed, id) {
  if (!(form instanceof HTMLFormElement)) return;
  const turn = asked[id] = (asked[id] ?? 0) + 1;
  const data = new FormData(form);
  data.set("do", deed);
  const answer = await fetch(location.pathname, { method: "POST", body: data, headers: { Accept: "text/html" } });
  if (turn !== asked[id] || answer.redirected) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.getElementById(id), old = document.getElementById(id);
  if (!fresh || !old) return;
  if (id === "editor") old.replaceChildren(...[...fresh.childNodes].map((node) => document.importNode(node, true)));
  else old.replaceWith(document.importNode(fresh, true));
}

form?.addEventListener("click", async (event) => {
  const button = event.target instanceof Element ? event.target.closest('button[name="do"]') : null;
  if (!(button instanceof HTMLButtonElement) || !/^(add|remove|up|down) /.test(button.value)) return;
  event.preventDefault();
  const [verb, rows] = button.value.split(" ");
  await send(button.value, "editor");
  const inputs = form.querySelectorAll(rows === "participants" ? 'input[name="participants"]' : `[name^="${rows === "layers" ? "l-" : "r-"}"]:not([type="hidden"])`);
  const last = inputs[inputs.length - 1];
  if (verb === "add" && rows === "participants" && last instanceof HTMLElement) last.focus();
  void preview();
});

function preview() {
  if (!document.getElementById("rota-preview")) return;
  clearTimeout(timer);
  timer = window.setTimeout(() => { void send("preview", "rota-preview"); }, BREATH);
}

form?.addEventListener("change", preview);
