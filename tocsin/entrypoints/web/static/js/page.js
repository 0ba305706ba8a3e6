// @ts-check
// Small manners of every page: copy buttons, toasts that leave, drop-downs that close, "select all".

/** @param {Event} event @param {string} selector */
function hit(event, selector) {
  return event.target instanceof Element ? event.target.closest(selector) : null;
}

document.addEventListener("click", async (event) => {
  const copy = hit(event, "[data-copy]");
  if (copy) {
    const source = document.getElementById(copy.getAttribute("data-copy") ?? "");
    await navigator.clipboard.writeText(source?.textContent?.trim() ?? "");
    const label = copy.querySelector("span") ?? copy;
    const before = label.textContent;
    label.textContent = "Copied";
    setTimeout(() => { label.textContent = before; }, 1500);
  }
  const dismiss = hit(event, "[data-dismiss]");
  dismiss?.closest(".toast-item")?.remove();
  const reveal = hit(event, "[data-reveal]");
  if (reveal) {
    const secret = document.getElementById(reveal.getAttribute("data-reveal") ?? "");
    secret?.toggleAttribute("hidden");
  }
  for (const open of document.querySelectorAll("details.menu[open], details.drop[open]")) {
    if (!(event.target instanceof Node) || !open.contains(event.target)) open.removeAttribute("open");
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const open of document.querySelectorAll("details.menu[open], details.drop[open]")) {
    open.removeAttribute("open");
    open.querySelector("summary")?.focus();
  }
});

document.addEventListener("change", (event) => {
  const all = hit(event, "[data-check-all]");
  if (all instanceof HTMLInputElement) {
    for (const box of document.querySelectorAll(`input[name="${all.dataset.checkAll}"]`)) {
      if (box instanceof HTMLInputElement) box.checked = all.checked;
    }
  }
  const auto = hit(event, "form[data-autosubmit] select");
  if (auto instanceof HTMLSelectElement) auto.form?.requestSubmit();
  count();
});

/** How many rows are picked, and whether the bulk buttons do anything. */
function count() {
  const picked = document.querySelectorAll('input[name="ref"]:checked').length;
  const label = document.querySelector("[data-picked]");
  if (label) label.textContent = picked ? `${picked} selected` : "Select incidents to act on several at once";
  for (const button of document.querySelectorAll("[data-bulk]")) button.toggleAttribute("disabled", picked === 0);
}

/** @param {ParentNode} root */
function expire(root) {
  for (const toast of root.querySelectorAll(".toast-item:not(.error):not([data-timed])")) {
    toast.setAttribute("data-timed", "");
    setTimeout(() => toast.remove(), 6000);
  }
}

// A form that was sent is not sent again by a second click; one that was answered in its place is free again.
window.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || !(form instanceof HTMLFormElement) || form.method !== "post") return;
  if ("sent" in form.dataset) event.preventDefault();
  form.dataset.sent = "";
  setTimeout(() => delete form.dataset.sent, 4000);
});
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) form.removeAttribute("data-sent");
});

count();
expire(document);
document.addEventListener("htmx:after:swap", () => { count(); expire(document); });
