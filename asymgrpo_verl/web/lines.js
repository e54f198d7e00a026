"use strict";
// Lines of runs: {x, y} with null in y at a gap. Pure functions, which know neither the page nor Plotly.

// Return the line whose values are means over a window of 2 half + 1 values around each. An exponential moving average
// would lag behind: on a short run it shows an entropy that falls far above its values. Near the ends the window is
// narrower, so that it stays centred. It has at most a fifth of the line's values, so a short line stays as it is.
function smoothed(line, half) {
  const places = line.y.flatMap((value, i) => (value === null ? [] : [i]));
  const most = Math.min(half, Math.floor((places.length / 5 - 1) / 2));
  if (most < 1) return line;
  const sums = [0];
  for (const i of places) sums.push(sums.at(-1) + line.y[i]);
  const y = [...line.y];
  places.forEach((i, k) => {
    const width = Math.min(most, k, places.length - 1 - k);
    y[i] = (sums[k + width + 1] - sums[k - width]) / (2 * width + 1);
  });
  return { x: line.x, y };
}

// Return mean, lowest and highest of the lines at the x that all have; null where one has a gap.
function over(lines) {
  const tables = lines.map((line) => new Map(line.x.map((x, i) => [x, line.y[i]])));
  const x = lines[0].x.filter((at) => tables.every((table) => table.has(at)));
  const values = x.map((at) => tables.map((table) => table.get(at)));
  const each = (join) => values.map((found) => (found.includes(null) ? null : join(found)));
  return {
    x,
    y: each((found) => found.reduce((a, b) => a + b) / found.length),
    low: each((found) => Math.min(...found)),
    high: each((found) => Math.max(...found)),
  };
}

// Return the part of a line from `start` on; null if nothing comes after `start`.
function after(line, start) {
  const first = line.x.findIndex((x) => x >= start);
  return first < 0 || first >= line.x.length - 1 ? null : { x: line.x.slice(first), y: line.y.slice(first) };
}

// Return the sizes of the markers: a point without a neighbour has no line, so it gets one; so do all of a short line.
function markers(line) {
  const short = line.y.filter((value) => value !== null).length <= 12;
  return lonely(line).map((alone) => (short || alone ? 5 : 0));
}

// Return for each point whether it has no neighbour.
function lonely(line) {
  const gap = (i) => (line.y[i] ?? null) === null;
  return line.y.map((_, i) => !gap(i) && gap(i - 1) && gap(i + 1));
}

// Return [lowest, highest] of the values inside the range of x, with 5% beyond; null without values.
function rangeOf(lines, range) {
  let [low, high] = [Infinity, -Infinity];
  for (const line of lines) {
    line.x.forEach((x, i) => {
      if (line.y[i] === null || x < range[0] || x > range[1]) return;
      low = Math.min(low, line.y[i]);
      high = Math.max(high, line.y[i]);
    });
  }
  if (low > high) return null;
  const beyond = high > low ? 0.05 * (high - low) : Math.abs(low) * 0.1 || 0.5;
  return [low - beyond, high + beyond];
}
