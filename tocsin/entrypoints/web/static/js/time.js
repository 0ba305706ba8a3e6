// @ts-check
// Times in the reader's own zone, with UTC in the title; relative ones kept up to date.

const day = 86400;
/** @type {[number, string][]} */
const units = [[day, "d"], [3600, "h"], [60, "min"], [1, "s"]];

/** @param {number} seconds */
export function words(seconds) {
  const size = Math.abs(Math.trunc(seconds));
  if (size < 10) return "now";
  for (const [length, unit] of units) {
    if (size >= length) {
      const text = `${Math.trunc(size / length)} ${unit}`;
      return seconds > 0 ? `${text} ago` : `in ${text}`;
    }
  }
  return "now";
}

/** @type {Record<string, Intl.DateTimeFormatOptions>} */
const styles = {
  clock: { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" },
  moment: { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" },
  day: { weekday: "short", day: "numeric", month: "short", year: "numeric" },
};
// The profile's zone where the reader chose one, else the browser's.
const zone = document.documentElement.dataset.zone || undefined;
const full = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "long", timeZone: zone });

/** @param {ParentNode} [root] */
export function refresh(root = document) {
  const now = Date.now();
  for (const time of root.querySelectorAll("time[data-when]")) {
    if (!(time instanceof HTMLTimeElement)) continue;
    const at = new Date(time.dateTime);
    const style = time.dataset.when ?? "relative";
    const text = style === "relative"
      ? words((now - at.getTime()) / 1000)
      : new Intl.DateTimeFormat("en-GB", { ...styles[style], timeZone: zone }).format(at);
    if (time.textContent !== text) time.textContent = text;
    if (!time.dataset.titled) {
      time.title = `${time.title} · ${full.format(at)}`;
      time.dataset.titled = "1";
    }
  }
}

/** Times that are typed are meant in the zone that is shown. @param {ParentNode} root */
function here(root) {
  if (zone) return;
  const name = Intl.DateTimeFormat().resolvedOptions().timeZone;
  for (const field of root.querySelectorAll("input[data-here]")) {
    if (field instanceof HTMLInputElement) field.value = name;
  }
  for (const label of root.querySelectorAll("[data-here-name]")) label.textContent = name;
}

here(document);
refresh();
setInterval(refresh, 10_000);
document.addEventListener("htmx:after:swap", () => { here(document); refresh(); });
