// Keeps a saved pass in the browser's own store, and shows it on the page that a service worker keeps. It never leaves the phone.
"use strict";
(() => {
  const PLACE = "venue-gate:saved-pass";
  const made = document.getElementById("made"), kept = document.querySelector("[data-kept]");

  if (made) {
    try {
      localStorage.setItem(PLACE, JSON.stringify({ picture: made.src, alt: made.alt, ends: Number(made.dataset.ends) }));
      if (navigator.serviceWorker) {
        navigator.serviceWorker.register(made.dataset.worker, { scope: made.dataset.scope }).then(() => navigator.serviceWorker.ready).then(() => {
          document.querySelector("[data-installed]").hidden = false;
        }).catch(() => {});
      }
    } catch {
      // No room, or none allowed: the picture in the gallery is enough.
    }
  }

  if (kept) {
    const words = document.querySelector("[data-words]").dataset;
    let pass = null;
    try {
      pass = JSON.parse(localStorage.getItem(PLACE));
    } catch {
      pass = null;
    }
    if (!pass || typeof pass.picture !== "string" || !pass.picture.startsWith("data:image/png;base64,")) return;
    kept.querySelector("[data-none]").hidden = true;
    if (!(Date.now() / 1000 < pass.ends)) {
      kept.querySelector("[data-over]").hidden = false;
    } else {
      const image = document.createElement("img");
      image.className = "kept";
      image.src = pass.picture;
      image.alt = String(pass.alt || words.alt);
      kept.append(image);
    }
    const remove = document.createElement("button");
    remove.type = "button";
    remove.className = "plain";
    remove.textContent = words.remove;
    remove.addEventListener("click", () => { localStorage.removeItem(PLACE); location.reload(); });
    kept.append(remove);
  }
})();
