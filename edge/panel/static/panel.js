"use strict";
// Asks /status four times a second and fills the slots of the page. Decides nothing; what it says comes from gate-panel.

const POLL_MS = 250;
const REQUEST_TIMEOUT_MS = 1500;
const SILENT_AFTER_MS = 3000; // with no answer for so long, what stands here may be an old green

const silent = JSON.parse(document.getElementById("silent").textContent);
let etag = null;
let heardAt = performance.now();
let announced = null;

const all = (selector) => document.querySelectorAll(selector);

function fill(slot, text) {
  slot.hidden = !text;
  if (!text) return;
  for (const part of slot.querySelectorAll("[lang]")) {
    if (part.textContent !== text[part.lang]) part.textContent = text[part.lang];
  }
}

function spoken(view, lang) {
  const part = document.createElement("span");
  part.lang = lang;
  part.textContent = `${view.texts.word[lang]} ${view.texts.advice[lang]} `;
  return part;
}

function announce(view) {
  const result = `${view.state}/${view.number}/${view.texts.word.zh}`;
  if (result === announced) return;
  announced = result;
  const speaks = view.state === "ready" ? "ready" : "result"; // a polite "ready" does not cut a result short
  for (const region of all("[data-announce]")) {
    region.replaceChildren(...(region.dataset.announce === speaks ? ["zh", "en"].map((lang) => spoken(view, lang)) : []));
  }
  const stage = document.querySelector(".stage");
  stage.classList.remove("arrives"); // the same result twice is seen to arrive twice
  void stage.offsetWidth;
  stage.classList.add("arrives");
}

function show(view) {
  document.body.dataset.state = view.state;
  document.querySelector("[data-mark]").setAttribute("href", `#mark-${view.state}`);
  document.querySelector("[data-place]").textContent = view.place;
  for (const slot of all("[data-text]")) fill(slot, view.texts[slot.dataset.text]);
  for (const lamp of all("[data-lamp]")) lamp.dataset.lit = String(view.lamps[lamp.dataset.lamp]);
  for (const fact of all("[data-fact]")) fact.toggleAttribute("data-alarm", view.alarms.includes(fact.dataset.fact));
  announce(view);
}

function showDemo(demo) {
  document.querySelector("[data-link]").dataset.link = demo.link;
  document.querySelector("[data-camera]").hidden = !demo.camera;
}

async function ask() {
  const response = await fetch("/status", {
    headers: etag ? { "If-None-Match": etag } : {},
    cache: "no-store",
    signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
  });
  if (response.status !== 304) {
    if (!response.ok) throw new Error(`status ${response.status}`);
    const page = await response.json();
    if (page.instance !== document.body.dataset.instance) location.reload();
    show(page.view);
    if (page.demo) showDemo(page.demo);
    etag = response.headers.get("ETag");
  }
  heardAt = performance.now();
}

async function poll() {
  try {
    await ask();
  } catch {
    if (performance.now() - heardAt > SILENT_AFTER_MS) {
      etag = null;
      show(silent);
    }
  }
  setTimeout(poll, POLL_MS);
}

function watchCamera() {
  const picture = document.querySelector(".camera");
  if (!picture) return;
  let loading = false;
  picture.addEventListener("load", () => (loading = false));
  picture.addEventListener("error", () => (loading = false));
  setInterval(() => {
    if (loading || document.hidden || document.querySelector("[data-camera]").hidden) return;
    loading = true;
    picture.src = `/view.jpg?${Date.now()}`;
  }, POLL_MS);
}

poll();
watchCamera();
