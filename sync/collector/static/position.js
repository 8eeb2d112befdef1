// A venue's position: two fields, filled in by the phone or on a map. Without this script the fields are typed into.
// Some phones made for China answer in GCJ-02 and do not say so: the map shows it, and the marker can be moved.
import { fromBd09, fromGcj02, toGcj02 } from "./shifted.js";

const MAP_ZOOM = 17;
const LOCATE = { enableHighAccuracy: true, timeout: 20000, maximumAge: 0 };
const FAULTS = { 1: "denied", 2: "unavailable", 3: "late" }; // GeolocationPositionError.code
const same = (place) => place;
const TO_EARTH = { wgs84: same, gcj02: fromGcj02, bd09: fromBd09 };

// One number a field; full-width digits as phones' keyboards give them.
function number(text) {
  const plain = text.normalize("NFKC").trim();
  return /^[+-]?\d{1,3}(\.\d+)?$/.test(plain) ? Number(plain) : NaN;
}

// "112.8967，23.1558", as Chinese maps copy it: two numbers, longitude first where that is plain.
export function pair(text) {
  const parts = text.normalize("NFKC").replace("、", ",").trim().split(/\s*,\s*|\s+/).map(number);
  if (parts.length !== 2 || parts.some(Number.isNaN)) return null;
  const [first, second] = parts;
  const turned = Math.abs(first) > 90 || (first >= 72.004 && second >= 0.8293 && second <= 55.8271);
  return turned ? [second, first] : [first, second];
}

const onGlobe = ([latitude, longitude]) => Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180;

function begin(root) {
  const [latitude, longitude] = ["latitude", "longitude"].map((name) => root.querySelector(`[data-${name}]`));
  const system = root.querySelector("[data-system]");
  const said = root.querySelector("[data-said]");
  const say = (word, values = {}) => {
    said.textContent = word ? root.dataset[word].replace(/{(\w)}/g, (_all, name) => values[name]) : "";
  };
  const map = globalThis.L && root.querySelector("[data-tiles]");
  const show = map ? drawn(map, choose) : () => {};

  // Where the fields say, in WGS-84; null while they say nothing.
  function typed() {
    const place = [number(latitude.value), number(longitude.value)];
    return place.some(Number.isNaN) || !onGlobe(place) ? null : TO_EARTH[system?.value ?? "wgs84"](place);
  }

  function choose(place) {
    [latitude.value, longitude.value] = place.map((degrees) => degrees.toFixed(6));
    if (system) system.value = "wgs84";
    say("");
  }

  function read({ target }) {
    const both = pair(target.value);
    if (both) [latitude.value, longitude.value] = both.map(String);
    show(typed());
  }

  for (const field of [latitude, longitude]) {
    field.addEventListener("change", read);
    field.addEventListener("input", (event) => { if (event.inputType === "insertFromPaste") read(event); });
  }
  system?.addEventListener("change", () => show(typed()));
  show(typed(), MAP_ZOOM);

  const button = root.querySelector("[data-locate]");
  if (!navigator.geolocation || !isSecureContext) return;
  button.hidden = false;
  button.addEventListener("click", () => {
    button.disabled = true;
    say("locating");
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => {
        button.disabled = false;
        const place = [coords.latitude, coords.longitude];
        choose(place);
        show(place, MAP_ZOOM);
        say("located", { n: Math.max(1, Math.round(coords.accuracy)) });
      },
      ({ code }) => {
        button.disabled = false;
        say(FAULTS[code] ?? "unavailable");
      },
      LOCATE,
    );
  });
}

// A map with a marker; answers with what shows a place in WGS-84 there. chosen: told of each place, in WGS-84.
function drawn(element, chosen) {
  const [toMap, toEarth] = element.dataset.coordinates === "gcj02" ? [toGcj02, fromGcj02] : [same, same];
  const view = JSON.parse(element.dataset.view);
  const leaflet = L.map(element, { attributionControl: false, zoomControl: false, worldCopyJump: true });
  leaflet.setView(toMap([view.latitude, view.longitude]), view.zoom);
  L.control.zoom({ zoomInTitle: element.dataset.nearer, zoomOutTitle: element.dataset.farther }).addTo(leaflet);
  // Where a key of the tiles is bound to a site, the server must be told which one asks; the page it is not told.
  L.tileLayer(element.dataset.tiles, { maxZoom: 18, referrerPolicy: "origin" }).addTo(leaflet);
  const marker = L.marker([0, 0], { draggable: true, keyboard: false, autoPan: true, alt: element.dataset.marker });
  const tell = (at) => {
    const { lat, lng } = at.wrap();
    chosen(toEarth([lat, lng]));
  };
  marker.on("dragend", () => tell(marker.getLatLng()));
  leaflet.on("click", ({ latlng }) => {
    marker.setLatLng(latlng).addTo(leaflet);
    tell(latlng);
  });
  element.hidden = false;
  leaflet.invalidateSize();
  return (place, zoom) => {
    if (!place) return void marker.remove();
    marker.setLatLng(toMap(place)).addTo(leaflet);
    leaflet.setView(toMap(place), zoom ?? Math.max(leaflet.getZoom(), 14));
  };
}

for (const root of document.querySelectorAll("[data-position]")) begin(root);
