// @ts-check
// Switches pushes on in this browser: asks for leave, subscribes, and sends the form with what the browser gave.

const form = document.querySelector("form[data-push]");
if (form instanceof HTMLFormElement) form.addEventListener("submit", (event) => void start(event, form));

/** @param {SubmitEvent} event @param {HTMLFormElement} form */
async function start(event, form) {
  event.preventDefault();
  const button = form.querySelector("button[type=submit]");
  button?.setAttribute("aria-busy", "true");
  try {
    const given = (await subscribed(form.dataset.push ?? "")).toJSON();
    put(form, "endpoint", given.endpoint ?? "");
    put(form, "p256dh", given.keys?.p256dh ?? "");
    put(form, "auth", given.keys?.auth ?? "");
    put(form, "address", `${browser()} · ${await mark(given.endpoint ?? "")}`);
    form.submit();
  } catch (error) {
    const place = form.querySelector("[data-push-problem]");
    if (place instanceof HTMLElement) {
      place.textContent = error instanceof Error ? error.message : String(error);
      place.hidden = false;
    }
  } finally {
    button?.removeAttribute("aria-busy");
  }
}

/** @param {string} key */
async function subscribed(key) {
  if (!window.isSecureContext) throw new Error("Browsers take pushes from https pages only. Open Tocsin by https.");
  if (!("serviceWorker" in navigator) || !("PushManager" in window)) {
    throw new Error("This browser takes no pushes here. On an iPhone or iPad, add Tocsin to the Home Screen and open it there.");
  }
  const leave = await Notification.requestPermission();
  if (leave === "denied") throw new Error("This browser blocks notifications of this page: allow them in its site settings, then try again.");
  if (leave !== "granted") throw new Error("Without your leave this browser shows nothing. Try again, and allow it.");
  await navigator.serviceWorker.register("/push-worker.js", { scope: "/" });
  const worker = await navigator.serviceWorker.ready;
  const before = await worker.pushManager.getSubscription();
  // One that was made for another key of ours reaches nobody any more.
  if (before && text(before.options.applicationServerKey) !== key) await before.unsubscribe();
  try {
    return await worker.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
  } catch (error) {
    throw new Error(`The browser's push service did not answer (${error instanceof Error ? error.message : error}). Try again in a minute.`);
  }
}

/** @param {ArrayBuffer | null} key */
function text(key) {
  const raw = String.fromCharCode(...new Uint8Array(key ?? new ArrayBuffer(0)));
  return btoa(raw).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** @param {HTMLFormElement} form @param {string} name @param {string} value */
function put(form, name, value) {
  const field = form.elements.namedItem(name);
  if (field instanceof HTMLInputElement) field.value = value;
}

function browser() {
  const agent = navigator.userAgent;
  const name = /Firefox\//.test(agent) ? "Firefox" : /Edg\//.test(agent) ? "Edge" : /Chrome\//.test(agent) ? "Chrome" : /Safari\//.test(agent) ? "Safari" : "Browser";
  const place = /Android/.test(agent) ? "Android" : /iPhone/.test(agent) ? "iPhone" : /iPad/.test(agent) ? "iPad" : /Mac OS X/.test(agent) ? "Mac" : /Windows/.test(agent) ? "Windows" : /Linux/.test(agent) ? "Linux" : "";
  return place ? `${name} on ${place}` : name;
}

/** A few digits that tell two browsers of one kind apart. @param {string} endpoint */
async function mark(endpoint) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(endpoint)));
  return [...digest.slice(0, 3)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
