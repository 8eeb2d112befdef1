// The shifted systems of Chinese maps, as sync/collector/venues/positions.py has them: a browser test compares the two.
// A place is [latitude, longitude] in degrees.

const AXIS = 6378245; // metres, Krasovsky 1940
const ECCENTRICITY_SQUARED = 0.00669342162296594323;
const CLOSE = 1e-10;
const ROUNDS = 30;

const radians = (degrees) => (degrees * Math.PI) / 180;
const waves = (at, ...all) => (all.reduce((sum, [size, often]) => sum + size * Math.sin(often * at * Math.PI), 0) * 2) / 3;
const isShifted = ([latitude, longitude]) =>
  latitude >= 0.8293 && latitude <= 55.8271 && longitude >= 72.004 && longitude <= 137.8347;

function gcj02([latitude, longitude]) {
  const [x, y] = [longitude - 105, latitude - 35];
  const ripple = waves(x, [20, 6], [20, 2]);
  const north = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * Math.sqrt(Math.abs(x)) + ripple
    + waves(y, [20, 1], [40, 1 / 3], [160, 1 / 12], [320, 1 / 30]);
  const east = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * Math.sqrt(Math.abs(x)) + ripple
    + waves(x, [20, 1], [40, 1 / 3], [150, 1 / 12], [300, 1 / 30]);
  const bulge = 1 - ECCENTRICITY_SQUARED * Math.sin(radians(latitude)) ** 2;
  const metresNorth = radians((AXIS * (1 - ECCENTRICITY_SQUARED)) / bulge ** 1.5);
  const metresEast = radians((AXIS / Math.sqrt(bulge)) * Math.cos(radians(latitude)));
  return [latitude + north / metresNorth, longitude + east / metresEast];
}

function bd09([latitude, longitude]) {
  const radius = Math.hypot(longitude, latitude) + 0.00002 * Math.sin(radians(latitude * 3000));
  const angle = Math.atan2(latitude, longitude) + 0.000003 * Math.cos(radians(longitude * 3000));
  return [radius * Math.sin(angle) + 0.006, radius * Math.cos(angle) + 0.0065];
}

function inverse(shifted, place) {
  let at = place;
  for (let round = 0; round < ROUNDS; round += 1) {
    const reached = shifted(at);
    const error = [place[0] - reached[0], place[1] - reached[1]];
    at = [at[0] + error[0], at[1] + error[1]];
    if (Math.max(...error.map(Math.abs)) < CLOSE) break;
  }
  return at;
}

export const toGcj02 = (place) => (isShifted(place) ? gcj02(place) : place);
export const fromGcj02 = (place) => (isShifted(place) ? inverse(gcj02, place) : place);
export const fromBd09 = (place) => (isShifted(place) ? fromGcj02(inverse(bd09, place)) : place);
