// The scan result lives: its clock ticks by the centre's time, its code is renewed before it ends, the screen stays on.
// Written for phones of ten years ago; without it a link and a refresh do the same.
(function () {
  "use strict";
  var started, clock, result, left, late, code, expires, renew, asking = false, lock = null;

  function $(name) { return result.querySelector(name); }
  function two(number) { return (number < 10 ? "0" : "") + number; }
  // Monotonic: the phone's own clock may be wrong, and may be set meanwhile.
  function elapsed() { return ((window.performance ? performance.now() : Date.now()) - started) / 1000; }
  function now() { return Number(result.getAttribute("data-now")) + elapsed(); }

  function read() {
    started = window.performance ? performance.now() : Date.now();
    result = document.getElementById("result");
    if (!result) return;
    clock = $("[data-clock]");
    code = $(".code");
    left = $(".left");
    late = $(".late");
    expires = Number(result.getAttribute("data-expires"));
    renew = Number(result.getAttribute("data-renew"));
    var large = $("[data-large]");
    if (large) {
      large.hidden = false;
      large.addEventListener("click", function () { code.classList.toggle("is-large"); });
    }
  }

  function tick() {
    if (!result) return;
    if (clock) {
      var there = new Date((now() + 8 * 3600) * 1000); // China time
      clock.textContent = there.getUTCFullYear() + "-" + two(there.getUTCMonth() + 1) + "-" + two(there.getUTCDate()) +
        " " + two(there.getUTCHours()) + ":" + two(there.getUTCMinutes()) + ":" + two(there.getUTCSeconds());
    }
    if (!code) return;
    var seconds = Math.max(0, Math.floor(expires - now()));
    left.hidden = seconds === 0;
    late.hidden = seconds > 0;
    code.className = code.className.replace(/ ?is-late/, "") + (seconds === 0 ? " is-late" : "");
    $("[data-left]").textContent = Math.floor(seconds / 60) + ":" + two(seconds % 60);
    if (seconds <= renew && !document.hidden) ask();
  }

  function ask() {
    if (asking) return;
    if (!window.fetch || !window.DOMParser) { location.reload(); return; }
    asking = true;
    fetch(location.href, { credentials: "same-origin" })
      .then(function (answer) {
        if (!answer.ok) throw new Error(String(answer.status));
        return answer.text();
      })
      .then(function (text) {
        var fresh = new DOMParser().parseFromString(text, "text/html").getElementById("result");
        if (!fresh) { location.reload(); return; } // another page: the phone is not known any more
        var large = code.classList.contains("is-large");
        var why = $("details");
        var opened = why && why.open;
        result.parentNode.replaceChild(document.importNode(fresh, true), result);
        read();
        if (large && code) code.classList.add("is-large");
        if (opened && $("details")) $("details").open = true;
        tick();
        setTimeout(function () { asking = false; }, 5000); // where a status ends, passes are short
      })
      .catch(function () { setTimeout(function () { asking = false; }, 5000); }); // no network: again, but not at once
  }

  function stayOn() {
    if (!navigator.wakeLock || document.hidden || lock) return;
    navigator.wakeLock.request("screen").then(function (held) {
      lock = held;
      held.addEventListener("release", function () { lock = null; });
    }, function () {}); // refused: the battery is low
  }

  read();
  tick();
  setInterval(tick, 1000);
  stayOn();
  document.addEventListener("visibilitychange", function () { tick(); stayOn(); });
})();
