// @ts-check
/// <reference lib="webworker" />
// Shows what is pushed. A button acts by the link that came with it; anything else opens the incident.

const worker = /** @type {ServiceWorkerGlobalScope} */ (/** @type {unknown} */ (self));

worker.addEventListener("install", () => void worker.skipWaiting());
worker.addEventListener("activate", (event) => event.waitUntil(worker.clients.claim()));

worker.addEventListener("push", (event) => {
  let said = { title: "Tocsin", body: "Something happened: open Tocsin.", tag: "tocsin", url: "/", stay: true, quiet: false, actions: [] };
  try {
    said = { ...said, ...event.data?.json() };
  } catch {
    // Shown all the same: a browser that shows nothing loses its leave to be pushed to.
  }
  event.waitUntil(show(said));
});

/** @param {any} said */
function show(said) {
  const { title, body, tag, url, stay, quiet, actions } = said;
  const buttons = actions.map((/** @type {any} */ each) => ({ action: each.action, title: each.title }));
  const look = { body, tag, renotify: !quiet, requireInteraction: stay, silent: quiet, icon: "/static/logo.svg", actions: buttons, data: { title, tag, url, actions } };
  return worker.registration.showNotification(title, look);
}

worker.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(act(event.action, event.notification.data ?? {}));
});

/** @param {string} name @param {any} data */
async function act(name, data) {
  const pressed = (data.actions ?? []).find((/** @type {any} */ each) => each.action === name);
  if (!pressed) return void (await worker.clients.openWindow(data.url ?? "/"));
  if (pressed.press) {
    try {
      const answer = await fetch(pressed.url, { method: "POST", credentials: "omit" });
      if (answer.ok) {
        const look = { body: data.title, tag: data.tag, silent: true, icon: "/static/logo.svg", data: { ...data, actions: [] } };
        return worker.registration.showNotification(`${pressed.title}: done`, look);
      }
    } catch {
      // No way to us now: the page says what is the matter.
    }
  }
  await worker.clients.openWindow(pressed.url);
}

worker.addEventListener("pushsubscriptionchange", (event) => {
  const said = { title: "This browser is not reached any more", body: "Its subscription has changed. Switch pushes on again under “How I am reached”.", tag: "tocsin-push", url: "/", stay: true, quiet: false, actions: [] };
  /** @type {any} */ (event).waitUntil(show(said));
});
