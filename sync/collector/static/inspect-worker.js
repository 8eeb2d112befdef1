// Gives the inspector's page back without network, as it was when it was last opened: a phone that ran out of memory
// forgets a tab, and the queue at the entrance goes on. The page itself puts what is needed into the cache (inspect.js).
"use strict";

const PAGE = new URL(self.registration.scope).pathname;
const PLACE = "venue-gate:" + PAGE.split("/")[2] + ":"; // as inspect.js calls it; another venue's may be of another day

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("fetch", (event) => {
  const { method, mode, url } = event.request;
  const { origin, pathname } = new URL(url);
  const isPage = mode === "navigate" && pathname === PAGE;
  const isPart = pathname.startsWith("/static/") || pathname.startsWith("/bootstrap/");
  if (method !== "GET" || origin !== self.location.origin || !(isPage || isPart)) return;
  event.respondWith(fetch(event.request).catch(() => kept(isPage ? PAGE : pathname)));
});

async function kept(path) {
  return (await caches.match(path, { cacheName: PLACE, ignoreSearch: true, ignoreVary: true })) || Response.error();
}
