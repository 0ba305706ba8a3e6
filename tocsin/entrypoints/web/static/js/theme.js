// @ts-check
// Loaded in the head, before the page is drawn, so that a chosen theme never flashes.

const key = "tocsin.theme";
const dark = matchMedia("(prefers-color-scheme: dark)");

/** @returns {"light" | "dark" | "auto"} */
function chosen() {
  const value = localStorage.getItem(key);
  return value === "light" || value === "dark" ? value : "auto";
}

function show() {
  const choice = chosen();
  const root = document.documentElement;
  if (choice === "auto") delete root.dataset.theme;
  else root.dataset.theme = choice;
  root.classList.toggle("dark", choice === "dark" || (choice === "auto" && dark.matches));
  for (const button of document.querySelectorAll("[data-set-theme]")) {
    button.setAttribute("aria-pressed", String(button.getAttribute("data-set-theme") === choice));
  }
}

show();
dark.addEventListener("change", show);
document.addEventListener("DOMContentLoaded", show);
document.addEventListener("click", (event) => {
  const button = event.target instanceof Element ? event.target.closest("[data-set-theme]") : null;
  if (!button) return;
  const value = button.getAttribute("data-set-theme") ?? "auto";
  if (value === "auto") localStorage.removeItem(key);
  else localStorage.setItem(key, value);
  show();
});
