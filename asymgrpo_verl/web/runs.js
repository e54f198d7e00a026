"use strict";
// The panels of runs: one legend, one zoom in steps, one smoothing. A panel is drawn when it comes into view.

let data;
let printing = false;
const hidden = new Set(state.hidden ?? []); // numbers of runs
const view = { smoothing: state.smoothing ?? 2, seeds: state.seeds ?? "band", zoom: state.zoom ?? null };
const near = new Set(); // panels in or near the view
const stale = new Set(); // panels whose drawing is not up to date
const coarse = matchMedia("(pointer: coarse)").matches; // a finger scrolls the page, so it does not zoom a panel

const byId = (id) => document.getElementById(id);
const escaped = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;");

function lineOf(panel, run) {
  const [x, y] = panel.lines[run.number];
  return { x: data.xs[x], y };
}

// Return the traces of a panel, from the back to the front, and the lines that must fit into it.
function traces(panel) {
  const [back, front, fit] = [[], [], []];
  for (const method of data.methods) {
    const runs = method.runs.filter((run) => panel.lines[run.number] && !hidden.has(run.number));
    if (!runs.length) continue;
    const raw = runs.map((run) => lineOf(panel, run));
    const smooth = raw.map((line) => smoothed(line, panel.x === "step" ? view.smoothing : 0));
    const stroke = { color: visible(method.color), dash: method.dash || "solid", width: 1.8 };
    const add = (line, values, name, width = 1.8) => {
      if (line !== values) back.push(faint(values, stroke, 0.3));
      front.push(mainTrace(line, values, name, { ...stroke, width }, panel));
      fit.push(line, values);
    };
    if (runs.length === 1 || view.seeds === "lines") {
      smooth.forEach((line, i) => {
        const name = method.runs.length > 1 ? `${method.name}, ${runs[i].name}` : method.name;
        add(line, raw[i], name, runs.length > 1 ? 1.2 : 1.8);
      });
      continue;
    }
    const [mean, values] = [over(smooth), over(raw)];
    back.push(...bands(mean, stroke), ...bars(mean, stroke));
    add(mean, smooth.some((line, i) => line !== raw[i]) ? values : mean, `${method.name}, mean of ${runs.length} seeds`);
    fit.push({ x: mean.x, y: mean.low }, { x: mean.x, y: mean.high });
    smooth.forEach((line, i) => {
      const rest = after(line, mean.x.at(-1) ?? -Infinity);
      if (rest) add(rest, rest, `${method.name}, ${runs[i].name}`, 0.8);
    });
  }
  return { traces: [...back, ...front], fit };
}

function faint(line, stroke, opacity) {
  return { ...line, mode: "lines", line: { ...stroke, dash: "solid", width: 1 }, opacity, hoverinfo: "skip" };
}

// Return one filled area for each part of the line between two gaps.
function bands(mean, stroke) {
  const areas = [];
  let part = [];
  mean.x.forEach((_, i) => {
    if (mean.y[i] !== null) part.push(i);
    if (part.length && (mean.y[i] === null || i === mean.x.length - 1)) {
      areas.push(part);
      part = [];
    }
  });
  return areas.map((indices) => {
    const back = [...indices].reverse();
    return {
      x: [...indices, ...back].map((i) => mean.x[i]),
      y: [...indices.map((i) => mean.high[i]), ...back.map((i) => mean.low[i])],
      mode: "none", fill: "toself", fillcolor: stroke.color, opacity: 0.16, hoverinfo: "skip",
    };
  });
}

function mainTrace(line, values, name, stroke, panel) {
  const hover = [`<b>${escaped(name)}</b>`, `${panel.x} %{x:.6~g}`, `%{y:.5~g} ${escaped(panel.unit)}`];
  if (line.low) hover.push("lowest %{customdata[1]:.5~g}, highest %{customdata[2]:.5~g}");
  if (line !== values) hover.push("not smoothed: %{customdata[0]:.5~g}");
  return {
    x: line.x, y: line.y, name, mode: "lines+markers", line: stroke, connectgaps: false,
    marker: { color: stroke.color, size: markers(line), opacity: 1, line: { width: 0 } },
    customdata: line.y.map((_, i) => [values.y[i], line.low?.[i], line.high?.[i]]),
    hovertemplate: `${hover.join("<br>")}<extra></extra>`,
  };
}

// Return the bars, from the lowest to the highest run, of the points that have no band because they have no neighbour.
function bars(mean, stroke) {
  return lonely(mean).flatMap((alone, i) => {
    if (!alone) return [];
    const line = { color: stroke.color, width: 1 };
    return { x: [mean.x[i], mean.x[i]], y: [mean.low[i], mean.high[i]], mode: "lines", line, hoverinfo: "skip" };
  });
}

function rangeOfX(panel) {
  if (panel.x === "step" && view.zoom) return view.zoom;
  const ends = panel.lines.filter((line) => line).flatMap(([x]) => [data.xs[x][0], data.xs[x].at(-1)]);
  const [low, high] = [Math.min(...ends), Math.max(...ends)];
  const beyond = high > low ? 0.02 * (high - low) : 1;
  return [low - beyond, high + beyond];
}

function draw(element) {
  const panel = data.panels.find((found) => found.slug === element.id);
  const plot = element.querySelector(".plot");
  const range = rangeOfX(panel);
  const { traces: drawn, fit } = traces(panel);
  const text = color("text");
  const axis = { exponentformat: "e", gridcolor: color("grid"), linecolor: color("line"), zeroline: false, tickfont: { size: 11 } };
  const step = panel.x !== "group accuracy p" && range[1] - range[0] < 8 ? { dtick: 1 } : { nticks: 6 };
  const layout = {
    xaxis: { ...axis, ...step, range, title: { text: panel.x, standoff: 6 }, fixedrange: coarse || panel.x !== "step" },
    yaxis: { ...axis, range: rangeOf(fit, range) ?? [0, 1], title: { text: panel.unit, standoff: 8 }, fixedrange: true,
      automargin: true, nticks: 6 },
    font: { color: text, size: 12, family: "system-ui, sans-serif" },
    margin: { l: 50, r: 10, t: 8, b: 42 }, paper_bgcolor: "transparent", plot_bgcolor: "transparent",
    showlegend: false, hovermode: "closest", hoverlabel: { bgcolor: color("card"), font: { color: text }, align: "left" },
    dragmode: coarse || panel.x !== "step" ? false : "zoom", height: plot.clientHeight, width: printing ? 340 : plot.clientWidth,
    annotations: fit.length ? [] : [{ text: "no shown run has it", showarrow: false, xref: "paper", yref: "paper", x: 0.5, y: 0.5 }],
  };
  const config = { displaylogo: false, showTips: false, doubleClick: false, displayModeBar: !coarse && "hover", modeBarButtons: [["toImage"]],
    toImageButtonOptions: { filename: panel.slug, scale: 2 } };
  const first = !plot.data;
  Plotly.react(plot, drawn, layout, config);
  if (first && panel.x === "step") {
    plot.on("plotly_relayout", (changes) => {
      if (changes["xaxis.range[0]"] !== undefined) setZoom([changes["xaxis.range[0]"], changes["xaxis.range[1]"]]);
    });
    plot.on("plotly_doubleclick", () => setZoom(null));
  }
  stale.delete(element);
}

// Draw one panel a frame, from the top, so that the page answers meanwhile.
let drawing = false;
function drawNear() {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => {
    drawing = false;
    const element = [...stale].find((panel) => near.has(panel) && !panel.hidden);
    if (element) {
      draw(element);
      drawNear();
    } else {
      document.body.dataset.ready = "yes";
    }
  });
}

function redraw() {
  delete document.body.dataset.ready;
  document.querySelectorAll(".panel").forEach((element) => stale.add(element));
  drawNear();
}

function setZoom(zoom) {
  view.zoom = zoom && [Math.floor(Math.min(...zoom)), Math.ceil(Math.max(...zoom))];
  [byId("from").value, byId("to").value] = view.zoom ?? ["", ""];
  remember({ zoom: view.zoom });
  redraw();
}

function showLegend() {
  for (const chip of document.querySelectorAll(".chip")) {
    chip.setAttribute("aria-pressed", String(runsOf(chip).some((run) => !hidden.has(run))));
  }
  remember({ hidden: [...hidden] });
  redraw();
}

const runsOf = (chip) => chip.dataset.runs.split(" ").map(Number);

function startLegend() {
  for (const chip of document.querySelectorAll(".chip")) {
    const runs = runsOf(chip);
    chip.onclick = () => {
      const shown = runs.some((run) => !hidden.has(run));
      runs.forEach((run) => (shown ? hidden.add(run) : hidden.delete(run)));
      showLegend();
    };
    chip.ondblclick = () => {
      data.methods.flatMap((method) => method.runs).forEach((run) => hidden.add(run.number));
      runs.forEach((run) => hidden.delete(run));
      showLegend();
    };
  }
  byId("all").onclick = () => {
    hidden.clear();
    showLegend();
  };
}

function showSmoothing() {
  byId("smoothing").value = view.smoothing;
  byId("window").textContent = view.smoothing ? `mean of up to ${2 * view.smoothing + 1} values` : "off";
}

function startControls() {
  showSmoothing();
  byId("smoothing").oninput = (event) => {
    view.smoothing = Number(event.target.value);
    remember({ smoothing: view.smoothing });
    showSmoothing();
    redraw();
  };
  byId("seeds").value = view.seeds;
  byId("seeds").onchange = (event) => {
    view.seeds = event.target.value;
    remember({ seeds: view.seeds });
    redraw();
  };
  document.querySelector(".several").hidden = !data.methods.some((method) => method.runs.length > 1);
  const last = Math.max(...data.methods.flatMap((method) => method.runs.map((run) => run.steps)));
  byId("from").placeholder = 0;
  byId("to").placeholder = last;
  byId("from").onchange = byId("to").onchange = () => {
    const [from, to] = [Number(byId("from").value), Number(byId("to").value || last)];
    setZoom(from < to ? [from, to] : null);
  };
  byId("filter").oninput = (event) => {
    const words = event.target.value.toLowerCase().split(/\s+/);
    for (const panel of document.querySelectorAll(".panel")) {
      panel.hidden = !words.every((word) => panel.textContent.toLowerCase().includes(word));
    }
    for (const section of document.querySelectorAll("section")) {
      section.hidden = !section.querySelector(".panel:not([hidden])");
    }
    drawNear();
  };
  byId("reset").onclick = () => {
    sessionStorage.removeItem(location.pathname);
    location.reload();
  };
  for (const button of document.querySelectorAll(".wider")) {
    button.onclick = () => {
      button.closest(".panel").classList.toggle("wide");
      redraw();
    };
  }
}

// Show the settings of two methods or of all, and mark what is not as in the left one.
function startSettings() {
  const table = document.querySelector(".settings");
  const show = () => {
    const [left, right] = [Number(byId("left").value), Number(byId("right").value)];
    table.classList.toggle("with-same", byId("same").checked);
    for (const row of table.rows) {
      const cells = [...row.cells];
      const text = (i) => cells[i].textContent;
      cells.forEach((cell, i) => {
        cell.classList.toggle("away", Boolean(right) && ![0, left, right].includes(i));
        cell.classList.toggle("differs", row.rowIndex > 0 && i > 0 && text(i) !== text(left));
      });
      row.classList.toggle("away", Boolean(right) && row.rowIndex > 0 && text(left) === text(right) && !byId("same").checked);
    }
  };
  byId("left").onchange = byId("right").onchange = byId("same").onchange = show;
  show();
}

function startPrinting() {
  let theme;
  addEventListener("beforeprint", () => {
    printing = true;
    theme = document.documentElement.dataset.theme;
    setTheme("light");
    document.querySelectorAll(".panel:not([hidden])").forEach(draw);
  });
  addEventListener("afterprint", () => {
    printing = false;
    setTheme(theme);
    redraw();
  });
}

// Load the page again while a run trains, unless it is not in view or the reader is typing.
function startRefresh() {
  if (!data.refresh) return;
  setInterval(() => {
    const typing = document.activeElement.matches("input:not([type=range]):not([type=checkbox])");
    if (byId("live").checked && !document.hidden && !typing) location.reload();
  }, 1000 * data.refresh);
}

async function start() {
  startThemes(redraw);
  startTables();
  startSettings();
  data = JSON.parse(await unpack("data"));
  await loadPlotly();
  startControls();
  startLegend();
  startPrinting();
  startRefresh();
  const watcher = new IntersectionObserver((entries) => {
    entries.forEach((entry) => (entry.isIntersecting ? near.add(entry.target) : near.delete(entry.target)));
    drawNear();
  }, { rootMargin: "300px" });
  document.querySelectorAll(".panel").forEach((element) => watcher.observe(element));
  addEventListener("resize", redraw);
  showLegend();
  setZoom(view.zoom);
}

start().catch((error) => {
  byId("problem").hidden = false;
  byId("problem").textContent = `The panels could not be drawn (${error.message}). They need a browser of 2023 or later.`;
  throw error;
});
