// Keeps the live page fresh: asks once a second, replaces what changed, and says so when the collector is silent.
"use strict";

const live = document.getElementById("live");
const unreachable = live.querySelector("[data-unreachable]");
const sentence = unreachable.querySelector("[data-sentence]");
const announcement = live.querySelector("[data-announcement]");
const asOf = live.querySelector("[data-as-of]");

const calm = matchMedia("(prefers-reduced-motion: reduce)");

const PAUSE = { seen: Number(live.dataset.pause ?? 1000), hidden: 10000, failed: 2000 };
const TIMEOUT = 5000;
const FAILURES_SHOWN = 2; // one lost answer is no news
const ANNOUNCE_EVERY = 10000; // a queue of visitors must not talk over a screen reader

let failures = 0;
let arrived = 0;
let announcedAt = -Infinity;

const keys = () => new Set([...live.querySelectorAll("[data-key]")].map((row) => row.dataset.key));

// Changes what differs and leaves the rest, so that a selection or a screen reader's place survives.
function morph(old, fresh) {
  const alike = old.nodeName === fresh.nodeName && old.childNodes.length === fresh.childNodes.length;
  if (!alike || old.dataset?.key !== fresh.dataset?.key) {
    old.replaceWith(fresh);
  } else if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== fresh.data) old.data = fresh.data;
  } else {
    for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name)) old.removeAttribute(name);
    const pairs = [...old.childNodes].map((child, index) => [child, fresh.childNodes[index]]);
    for (const [child, newer] of pairs) morph(child, newer);
  }
}

function replaceParts(parts) {
  const before = keys();
  for (const [name, html] of Object.entries(parts)) {
    const part = live.querySelector(`[data-part="${name}"]`);
    const fresh = part.cloneNode();
    fresh.innerHTML = html; // rendered and escaped by the collector
    morph(part, fresh);
  }
  for (const row of live.querySelectorAll("[data-key]")) {
    if (before.has(row.dataset.key)) continue;
    if (!calm.matches) row.animate([{ backgroundColor: "#fff1c2" }, {}], 4000);
    arrived += 1;
  }
}

function announce() {
  if (!arrived || performance.now() - announcedAt < ANNOUNCE_EVERY) return;
  announcement.textContent = live.dataset.arrived.replace("{n}", arrived);
  announcedAt = performance.now();
  arrived = 0;
}

function showReachable(reachable) {
  if (unreachable.hidden === reachable) return;
  sentence.textContent = reachable ? "" : sentence.dataset.sentence;
  unreachable.hidden = reachable;
  live.classList.toggle("stale", !reachable);
}

async function look() {
  try {
    const answer = await fetch(live.dataset.url, { cache: "no-store", signal: AbortSignal.timeout(TIMEOUT) });
    if (answer.status === 401 || answer.status === 403) location.reload(); // signed out: the page says so
    if (!answer.ok) throw new Error(answer.status);
    const { as_of, parts } = await answer.json();
    replaceParts(parts);
    asOf.textContent = as_of;
    failures = 0;
    showReachable(true);
    announce();
  } catch {
    failures += 1;
    if (failures >= FAILURES_SHOWN) showReachable(false);
  }
  setTimeout(look, failures ? PAUSE.failed : document.hidden ? PAUSE.hidden : PAUSE.seen);
}

document.addEventListener("visibilitychange", () => { if (!document.hidden) announcedAt = -Infinity; });
setTimeout(look, PAUSE.seen);
