// A tap is one person let in. It is kept in this browser until the centre has acknowledged it, and then only forgotten:
// sent in order, one after the other, with the nonce that it was made with, as often as it takes. Plain enough for the
// browsers of old phones (no optional chaining, no AbortSignal.timeout).
"use strict";

(function () {
  const root = document.getElementById("inspect");
  const form = document.getElementById("tap");
  if (!root || !form) return;
  const words = root.querySelector("[data-sentences]").dataset;
  const said = root.querySelector("[data-said]");
  const waiting = root.querySelector("[data-waiting]");
  const unsent = root.querySelector("[data-unsent]");
  const wrong = root.querySelector("[data-wrong]");
  const undo = root.querySelector("[data-undo]");
  const mine = root.querySelector("[data-mine]");
  const people = form.elements.people;
  const temperature = form.elements.temperature;

  const TIMEOUT = 8000;
  const RETRY = [2000, 4000, 8000, 15000, 30000];
  const LOOK_EVERY = 20000;
  const DAY = 86400;
  const BOUNCE = 700; // a second touch of the same finger is no second person
  const PLACE = "venue-gate:" + root.dataset.venue + ":";
  const QUEUE = PLACE + root.dataset.inspector + ":tap:";
  const HEARD = PLACE + root.dataset.inspector + ":today";
  const LOST = PLACE + root.dataset.inspector + ":unsent:";

  const LOAD = performance.timeOrigin || Date.now(); // tells this opening of the page from others

  let token = form.elements.csrf_token.value;
  let limit = Number(root.dataset.limit);
  let confirmed = Number(mine.textContent); // people of mine that the centre has counted
  let last = null; // the tap that may be undone
  let touched = ""; // the button that was pressed last
  let lockedUntil = 0;
  let turn = 0; // of the newest tap in the queue
  let sending = false;
  let trouble = ""; // why the queue stands still
  let failures = 0;
  let timer = 0;
  let told = ""; // the line about what waits

  const fill = (sentence, values) => sentence.replace(/\{(\w)\}/g, (all, name) => (name in values ? values[name] : all));

  // --- what is kept: a key for each tap, so that two tabs never overwrite each other's
  const memory = new Map(); // where the browser keeps nothing
  let keeps = true;
  try {
    localStorage.setItem(PLACE + "try", "1");
    localStorage.removeItem(PLACE + "try");
  } catch (cause) {
    keeps = false;
  }
  function keep(key, value) {
    try {
      if (keeps) return localStorage.setItem(key, value);
    } catch (cause) {
      keeps = false; // full
    }
    memory.set(key, value);
  }
  function recall(key) {
    try {
      return memory.has(key) ? memory.get(key) : localStorage.getItem(key);
    } catch (cause) {
      return null;
    }
  }
  function forget(key) {
    memory.delete(key);
    try {
      localStorage.removeItem(key);
    } catch (cause) { /* it is in memory only */ }
  }
  function keys(prefix) {
    let kept = [];
    try {
      kept = Object.keys(localStorage);
    } catch (cause) { /* it is in memory only */ }
    return kept.concat(Array.from(memory.keys())).filter((key) => key.startsWith(prefix)).sort();
  }
  const isUnkept = () => Array.from(memory.keys()).some((key) => key.startsWith(QUEUE)); // leaving the page loses it
  const others = () => keys(PLACE).filter((key) => key.indexOf(":tap:") > 0 && !key.startsWith(QUEUE)).length;

  const digits = (number, length) => String(number).padStart(length, "0");
  const hex = (length) => Array.from(crypto.getRandomValues(new Uint8Array(length)), (byte) => digits(byte.toString(16), 2)).join("");

  // --- a tap
  function celsius(text) {
    const plain = text.normalize("NFKC").replace(/[,。、·]/g, ".").replace(/[°C\s]/gi, "");
    const found = /^(\d{2})(?:\.(\d{1,2})|(\d))?$/.exec(plain);
    const value = found ? Number(found[1] + "." + (found[2] || found[3] || "0")) : NaN;
    return value >= Number(root.dataset.coldest) && value <= Number(root.dataset.hottest) ? value : null;
  }

  function enqueue(fields, counts) {
    const at = Date.now();
    const before = keys(QUEUE).pop();
    // In the order of the finger, also on a phone whose clock was set back: an undo follows its tap.
    turn = Math.max(at, turn + 1, before ? Number(before.substr(QUEUE.length, 15)) + 1 : 0);
    const tap = { at, load: LOAD, mono: performance.now(), fields: Object.assign({ nonce: hex(16) }, fields), counts };
    keep(QUEUE + digits(turn, 15) + ":" + tap.fields.nonce, JSON.stringify(tap));
    show();
    flush();
    return tap;
  }

  function tapped(finding) {
    const now = Date.now();
    if (finding === touched && now < lockedUntil && now > lockedUntil - BOUNCE) return;
    const typed = temperature.value.trim();
    const isReading = finding === "reading" || (finding === "normal" && typed !== "");
    const value = isReading ? celsius(typed) : null;
    if (isReading && value === null) return complain();
    touched = finding;
    lockedUntil = now + BOUNCE;
    form.classList.add("just-tapped");
    setTimeout(() => form.classList.remove("just-tapped"), BOUNCE);
    const refused = isReading && value >= limit;
    const count = Math.min(9, Math.max(1, Math.round(Number(people.value)) || 1));
    const fields = {
      finding: isReading ? "reading" : finding,
      people: String(count),
      checkpoint: form.elements.checkpoint.value,
      direction: form.elements.direction.value,
      limit: String(limit),
    };
    if (isReading) fields.temperature = String(value);
    last = enqueue(fields, refused ? 0 : count);
    wrong.hidden = true;
    temperature.value = "";
    people.value = 1;
    several();
    tell(last, refused);
  }

  function takeBack() {
    if (!last) return;
    const fields = { finding: "take_back", takes_back: last.fields.nonce, people: "1" };
    enqueue(Object.assign(fields, { checkpoint: last.fields.checkpoint, direction: last.fields.direction }), -last.counts);
    last = null;
    result("folded", words.undone, "", "");
    hum([40, 60, 40]);
    settleUndo();
  }

  // --- what is shown
  function mark(name) {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("class", "mark");
    svg.setAttribute("aria-hidden", "true");
    svg.appendChild(document.createElementNS("http://www.w3.org/2000/svg", "use")).setAttribute("href", "#mark-" + name);
    return svg;
  }

  function element(name, text, look) {
    const made = document.createElement(name);
    made.textContent = text;
    if (look) made.className = look;
    return made;
  }

  const calm = matchMedia("(prefers-reduced-motion: reduce)");

  function result(look, head, more, advice) {
    const box = element("div", "", "result " + look);
    const words = element("p", "");
    box.appendChild(mark(look));
    words.appendChild(element("b", head));
    if (more) words.appendChild(element("span", " " + more));
    if (advice) words.appendChild(element("span", advice, "do"));
    box.appendChild(words);
    said.replaceChildren ? said.replaceChildren(box) : ((said.textContent = ""), said.appendChild(box));
    if (box.animate && !calm.matches) box.animate([{ transform: "scale(0.94)", opacity: 0.3 }, {}], 200);
  }

  function tell(tap, refused) {
    const values = { t: tap.fields.temperature, l: limit, n: tap.fields.people };
    if (refused) {
      result("deny", words.deny, "", fill(words.denyDo, values));
      hum([300, 120, 300]);
    } else {
      const sentence = { normal: words.normal, reading: words.reading, not_measured: words.notMeasured }[tap.fields.finding];
      result("pass", fill(sentence, values), tap.counts > 1 ? fill(words.people, values) : "", "");
      hum(50);
    }
    settleUndo();
  }

  // From this tap on; the centre hears of it when it can, and each tap says where it was made.
  function stand(place) {
    for (const each of places.querySelectorAll("[aria-pressed]")) each.removeAttribute("aria-pressed");
    place.setAttribute("aria-pressed", "true");
    form.elements.checkpoint.value = place.value;
    form.elements.direction.value = place.dataset.direction;
    const body = new URLSearchParams({ checkpoint: place.value });
    ask(places.action, { method: "POST", body, headers: { "X-CSRFToken": token }, redirect: "manual" });
  }

  function hum(pattern) {
    if (navigator.vibrate) navigator.vibrate(pattern);
  }

  function settleUndo() {
    undo.hidden = last === null;
    const form = root.querySelector("[data-undo-form]");
    if (form) form.remove(); // it names what the page was opened with
  }

  function complain() {
    wrong.textContent = fill(words.badTemperature, { l: root.dataset.coldest, h: root.dataset.hottest });
    wrong.hidden = false;
    temperature.setAttribute("aria-invalid", "true");
    temperature.select();
    hum([80, 60, 80]);
  }

  function several() {
    people.parentNode.classList.toggle("several", Number(people.value) > 1);
  }

  function show() {
    const queue = keys(QUEUE);
    root.dataset.queue = queue.length;
    const counted = queue.map((key) => JSON.parse(recall(key)).counts);
    mine.textContent = Math.max(0, confirmed + counted.reduce((sum, count) => sum + count, 0));
    const lines = [];
    if (trouble === "signed-out") lines.push(fill(words.signedOut, { n: queue.length }));
    else if (trouble === "forbidden") lines.push(fill(words.forbidden, { n: queue.length }));
    else if (trouble && queue.length) lines.push(fill(words.offline, { n: queue.length }));
    if (others()) lines.push(fill(words.others, { n: others() }));
    if (!keeps) lines.push(words.unkept);
    const sentence = waiting.querySelector("span");
    if (told !== lines.join(" ")) { // a screen reader says it once
      told = lines.join(" ");
      sentence.textContent = told;
      if (trouble === "signed-out") {
        const link = element("a", words.signIn);
        link.href = words.signInUrl;
        if (isUnkept()) link.target = "_blank";
        sentence.appendChild(document.createTextNode(" "));
        sentence.appendChild(link);
      }
    }
    waiting.hidden = lines.length === 0;
    showUnsent();
  }

  function showUnsent() {
    const lost = keys(LOST);
    unsent.textContent = "";
    unsent.hidden = lost.length === 0;
    for (const key of lost) {
      const tap = JSON.parse(recall(key));
      const item = element("li", fill(words.lost, { t: new Date(tap.at).toLocaleTimeString(), r: tap.why }));
      const seen = element("button", words.seen, "btn btn-outline-secondary");
      seen.type = "button";
      seen.addEventListener("click", () => { forget(key); show(); });
      item.appendChild(seen);
      unsent.appendChild(item);
    }
  }

  // A page that came out of the cache knows less than what was heard since it was opened.
  function rememberedToday() {
    const heard = JSON.parse(recall(HEARD) || "null");
    const isLater = heard !== null && heard.at / 1000 > Number(root.dataset.now);
    if (isLater && new Date(heard.at).toDateString() === new Date().toDateString()) showToday(heard.today);
  }

  function showToday(today) {
    for (const cell of root.querySelectorAll("[data-figure]")) {
      const path = cell.dataset.figure.split(".");
      cell.textContent = today[path[0]][path[1]];
    }
    confirmed = today.mine.entered + today.mine.left;
  }

  function hear(today) {
    keep(HEARD, JSON.stringify({ at: Date.now(), today }));
    showToday(today);
  }

  // --- the centre
  async function ask(url, options) {
    const abort = new AbortController();
    const clock = setTimeout(() => abort.abort(), TIMEOUT);
    try {
      // A captive portal answers with a redirection, or with a page of its own.
      const more = { redirect: "error", cache: "no-store", credentials: "same-origin", signal: abort.signal };
      const answer = await fetch(url, Object.assign(more, options));
      const isJson = (answer.headers.get("Content-Type") || "").indexOf("json") > 0;
      return { status: answer.status, told: isJson ? await answer.json() : null };
    } catch (cause) {
      return { status: 0, told: null };
    } finally {
      clearTimeout(clock);
    }
  }

  // "" when the centre was reached and knows who this is.
  async function look() {
    const { status, told } = await ask(root.dataset.state, {});
    if (status === 200 && told && told.token) {
      if (String(told.inspector) !== root.dataset.inspector) { // somebody else signed in: what waits here is not theirs
        if (!isUnkept()) location.reload();
        return "signed-out";
      }
      token = told.token;
      for (const each of document.querySelectorAll("[name=csrf_token]")) each.value = token;
      limit = told.limit;
      root.querySelector("[data-finding=not_measured]").hidden = told.must_measure;
      hear(told.today);
      return "";
    }
    if (status === 401 || status === 403) forgetPage();
    return status === 401 ? "signed-out" : status === 403 ? "forbidden" : "offline";
  }

  // Seconds. A phone's clock may be put right in between, by years; its monotonic one may sleep with the phone.
  function ageOf(tap) {
    const byClock = (Date.now() - tap.at) / 1000;
    const atLeast = tap.load === LOAD ? (performance.now() - tap.mono) / 1000 : 0;
    return byClock < atLeast || (byClock > DAY && tap.load === LOAD && atLeast < DAY) ? atLeast : byClock;
  }

  async function post(tap) {
    const body = new URLSearchParams(tap.fields);
    body.set("age", ageOf(tap).toFixed(1));
    body.set("inspector", root.dataset.inspector);
    return ask(root.dataset.taps, { method: "POST", body, headers: { "X-CSRFToken": token } });
  }

  async function send(key) {
    const tap = JSON.parse(recall(key));
    let { status, told } = await post(tap);
    if (status === 400 || status === 401) { // the token is another session's, or nobody's
      const why = await look();
      if (why) return why;
      ({ status, told } = await post(tap));
    }
    const isOurs = told !== null && told.nonce === tap.fields.nonce;
    if (status === 200 && isOurs) {
      forget(key);
      hear(told.today);
      // The centre's limit is newer than the page's: whoever was just let in is stopped.
      const isLast = last !== null && last.fields.nonce === told.nonce;
      if (isLast && told.outcome === "deny" && last.counts > 0) {
        last.counts = 0;
        const why = await look();
        tell(last, true);
        return why;
      }
      return "";
    }
    if (status === 422 && isOurs) {
      keep(LOST + key.slice(QUEUE.length), JSON.stringify(Object.assign({ why: told.sentence }, tap)));
      forget(key);
      if (last !== null && last.fields.nonce === told.nonce) {
        last = null;
        result("refer", words.notTaken, "", told.sentence);
        settleUndo();
      }
      return "";
    }
    return status === 401 ? "signed-out" : status === 403 ? "forbidden" : "offline";
  }

  async function flush() {
    if (sending) return;
    sending = true;
    clearTimeout(timer);
    let queue = keys(QUEUE);
    if (!queue.length && trouble) trouble = await look();
    while (queue.length) {
      trouble = await send(queue[0]);
      show();
      if (trouble) break;
      failures = 0;
      queue = keys(QUEUE);
    }
    sending = false;
    show();
    if (trouble) {
      timer = setTimeout(flush, RETRY[Math.min(failures, RETRY.length - 1)]);
      failures += 1;
    } else if (keys(QUEUE).length) {
      flush();
    }
  }

  async function lookAgain() {
    if (!document.hidden && !sending && !keys(QUEUE).length) {
      const why = await look();
      if (why !== trouble) trouble = why;
      show();
    }
    if (!document.hidden) keepPage();
    setTimeout(lookAgain, LOOK_EVERY);
  }

  // --- the page without network (inspect-worker.js)
  async function keepPage() {
    if ("kept" in root.dataset) return;
    try {
      if (!("serviceWorker" in navigator) || !("caches" in window)) return;
      const parts = document.querySelectorAll("link[rel=stylesheet], link[rel=icon], script[src]");
      const cache = await caches.open(PLACE);
      await cache.addAll([root.dataset.page].concat(Array.from(parts, (part) => part.getAttribute("href") || part.getAttribute("src"))));
      await navigator.serviceWorker.register(root.dataset.worker, { scope: root.dataset.page });
      root.dataset.kept = "";
    } catch (cause) { /* a centre that is away or busy: tried again; or a browser that keeps nothing: the page works while it is open */ }
  }

  // Whoever holds a phone that was signed out finds no page on it (leaving.js too); what waits stays.
  function forgetPage() {
    if ("caches" in window) caches.delete(PLACE);
  }

  // --- the page
  for (const button of form.querySelectorAll("[data-finding]")) {
    button.addEventListener("click", (event) => {
      event.preventDefault();
      tapped(button.dataset.finding);
    });
  }
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.target.tagName !== "INPUT") return;
    event.preventDefault(); // else it presses the form's first button, which says "normal"
    if (event.target === temperature) tapped("reading");
  });
  temperature.addEventListener("input", () => { wrong.hidden = true; temperature.removeAttribute("aria-invalid"); });
  people.addEventListener("input", several);
  for (const step of form.querySelectorAll("[data-step]")) {
    step.hidden = false;
    step.addEventListener("click", () => {
      people.value = Math.min(9, Math.max(1, (Number(people.value) || 1) + Number(step.dataset.step)));
      several();
    });
  }
  undo.addEventListener("click", takeBack);
  const places = root.querySelector("[data-places]");
  if (places) {
    places.addEventListener("submit", (event) => event.preventDefault()); // a page that is left offline does not come back
    for (const place of places.querySelectorAll("[name=checkpoint]")) place.addEventListener("click", () => stand(place));
  }
  setInterval(() => {
    if (last !== null && Date.now() - last.at > Number(root.dataset.undoSeconds) * 1000) { last = null; settleUndo(); }
  }, 1000);
  window.addEventListener("beforeunload", (event) => {
    if (!isUnkept()) return;
    event.preventDefault();
    event.returnValue = ""; // browsers before 2023 ask for this only
  });
  window.addEventListener("online", flush);
  window.addEventListener("pageshow", flush);
  window.addEventListener("storage", show);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) flush(); });
  rememberedToday();
  show();
  keepPage();
  setTimeout(lookAgain, LOOK_EVERY);
})();
