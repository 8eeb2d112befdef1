// Whoever holds a phone that was signed out finds no page of an inspector's on it (inspect.js keeps them for times without
// network). Asked for on the way out, and at the door: a session may have ended elsewhere.
"use strict";

(function () {
  async function forgetPages() {
    if (!("caches" in window)) return;
    for (const name of await caches.keys()) {
      if (name.startsWith("venue-gate:")) caches.delete(name);
    }
  }

  const leaving = document.querySelector(".whoami form");
  if (leaving) leaving.addEventListener("submit", forgetPages);
  if (document.querySelector("[data-door]")) forgetPages();
})();
