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
  event.respondWith(fresh(event.request, isPage ? PAGE : pathname));
});

async function fresh(request, path) {
  let answer = Response.error();
  try {
    answer = await fetch(request);
  } catch (cause) { /* no network */ }
  // A proxy answers for a centre that restarts, the centre for its database.
  const isDown = answer.type === "error" || (answer.status >= 502 && answer.status <= 504);
  return (isDown && (await kept(path))) || answer;
}

function kept(path) {
  return caches.match(path, { cacheName: PLACE, ignoreSearch: true, ignoreVary: true });
}
