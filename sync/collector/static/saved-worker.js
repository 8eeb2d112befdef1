// Shows the page of the saved pass without network. It keeps that page and its two files, nothing of anybody.
"use strict";
const NAME = "venue-gate-saved-1";
const PAGE = "/phone/saved/kept";
const FILES = [PAGE, "/static/saved.css", "/static/saved.js", "/static/venue.css", "/static/icon.svg"];

self.addEventListener("install", (event) => {
  event.waitUntil(caches.open(NAME).then((cache) => cache.addAll(FILES)).then(() => self.skipWaiting()));
});
self.addEventListener("activate", (event) => {
  event.waitUntil(caches.keys().then((names) => Promise.all(names.filter((name) => name.startsWith("venue-gate-saved-") && name !== NAME).map((name) => caches.delete(name)))).then(() => self.clients.claim()));
});
self.addEventListener("fetch", (event) => {
  const address = new URL(event.request.url);
  if (event.request.method !== "GET" || address.origin !== location.origin || !FILES.includes(address.pathname)) return;
  event.respondWith(
    fetch(event.request).then((answer) => {
      if (answer.ok && !answer.redirected && !address.search) {
        const copy = answer.clone();
        event.waitUntil(caches.open(NAME).then((cache) => cache.put(address.pathname, copy)));
      }
      return answer;
    }).catch(() => caches.match(address.pathname).then((known) => known || Response.error())),
  );
});
