"use strict";
// The page of evaluations: curves and bars with one legend, and responses to read, some prompts at a time.

// The palette of Okabe and Ito, as in the paper's figures.
const PALETTE = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"];
const AT_ONCE = 10; // prompts
let data;
let start = 0; // the first prompt that is shown, among those that match
const hidden = new Set(state.hidden ?? []); // numbers of evaluations
const byId = (id) => document.getElementById(id);
const colorOf = (number) => visible(PALETTE[number % PALETTE.length]);

function traces(panel) {
  return panel.lines.flatMap((line, number) => {
    if (!line || hidden.has(number)) return [];
    const stroke = { color: colorOf(number) };
    const text = `<b>${data.names[number].replace(/</g, "&lt;")}</b><br>${panel.x} %{x}<br>%{y:.1f}% ± %{customdata:.1f}<extra></extra>`;
    const drawn = { x: line.x, y: line.y, customdata: line.error, hovertemplate: text, name: data.names[number] };
    if (panel.x !== "k") {
      return [{ ...drawn, type: "bar", marker: stroke, error_y: { type: "data", array: line.error, thickness: 1, width: 3 } }];
    }
    const to = (sign) => line.y.map((value, i) => value + sign * (line.error[i] ?? 0));
    return [
      { x: [...line.x, ...[...line.x].reverse()], y: [...to(1), ...to(-1).reverse()], mode: "none", fill: "toself",
        fillcolor: stroke.color, opacity: 0.16, hoverinfo: "skip" },
      { ...drawn, mode: "lines+markers", line: stroke, marker: { ...stroke, size: 5 } },
    ];
  });
}

function draw(element) {
  const panel = data.panels.find((found) => found.slug === element.id);
  const plot = element.querySelector(".plot");
  const axis = { gridcolor: color("grid"), linecolor: color("line"), zeroline: false, fixedrange: true, automargin: true };
  const steps = panel.x === "k" && Math.max(...panel.lines.map((line) => line?.x.length ?? 0)) < 11 ? { dtick: 1 } : {};
  const layout = {
    xaxis: { ...axis, ...steps, title: { text: panel.x, standoff: 6 }, type: panel.x === "k" ? "linear" : "category" },
    yaxis: { ...axis, title: { text: panel.unit, standoff: 8 } }, barmode: "group", showlegend: false, dragmode: false,
    font: { color: color("text"), size: 12, family: "system-ui, sans-serif" }, margin: { l: 50, r: 10, t: 8, b: 42 },
    paper_bgcolor: "transparent", plot_bgcolor: "transparent", hovermode: "closest",
    hoverlabel: { bgcolor: color("card"), font: { color: color("text") }, align: "left" },
    height: plot.clientHeight, width: plot.clientWidth,
  };
  Plotly.react(plot, traces(panel), layout, { displayModeBar: false });
}

function redraw() {
  for (const chip of document.querySelectorAll(".chip")) {
    const number = Number(chip.dataset.number);
    chip.setAttribute("aria-pressed", String(!hidden.has(number)));
    chip.querySelector(".dot").style.background = colorOf(number);
  }
  document.querySelectorAll(".panel").forEach(draw);
}

// Return a new element; its text is set as text, so a response may hold any HTML.
function made(tag, text = "", name = "") {
  const element = document.createElement(tag);
  element.textContent = text;
  element.className = name;
  return element;
}

function shownAnswer(answer, position) {
  const details = made("details");
  const summary = made("summary", `response ${position + 1}, `);
  const about = answer.pred ? [`answer ${answer.pred}`, answer.why] : [answer.why];
  if (answer.length !== null) about.push(`${answer.length} tokens`);
  if (answer.truncated) about.push("cut at the maximum length");
  summary.append(made("span", about.join("; "), answer.acc ? "correct" : "incorrect"));
  details.append(summary, made("pre", answer.response));
  return details;
}

function shownPrompt(prompt) {
  const card = made("div", "", "prompt");
  const about = [`${prompt.source}, prompt ${prompt.index}`, prompt.level && `level ${prompt.level}`, prompt.subject];
  card.append(made("h3", about.filter(Boolean).join(", ")), made("pre", prompt.question), made("div", `Gold answer: ${prompt.gold}`));
  prompt.answers.forEach((answers, number) => {
    if (!answers.length || hidden.has(number)) return;
    const right = answers.filter((answer) => answer.acc).length;
    card.append(made("h4", `${data.names[number]}: ${right} of ${answers.length} correct`), ...answers.map(shownAnswer));
  });
  return card;
}

const VERDICTS = {
  none: (shares) => shares.every((share) => share === 0),
  some: (shares) => shares.some((share) => share > 0 && share < 1),
  all: (shares) => shares.every((share) => share === 1),
  differ: (shares) => new Set(shares).size > 1,
};

function matches(prompt) {
  const all = prompt.answers.flat();
  const shares = prompt.answers.filter((answers) => answers.length)
    .map((answers) => answers.filter((answer) => answer.acc).length / answers.length);
  const verdict = byId("verdict").value;
  if (byId("source").value && prompt.source !== byId("source").value) return false;
  if (verdict === "cut" ? !all.some((answer) => answer.truncated) : verdict && !VERDICTS[verdict](shares)) return false;
  const text = byId("search").value.toLowerCase();
  return !text || [prompt.question, prompt.gold, ...all.map((answer) => answer.response)].join("\n").toLowerCase().includes(text);
}

function showPrompts(first) {
  const found = data.prompts.filter(matches);
  start = Math.max(0, Math.min(first, found.length - 1));
  const shown = found.slice(start, start + AT_ONCE);
  byId("place").textContent = shown.length ? `${start + 1} to ${start + shown.length} of ${found.length}` : "no prompt";
  byId("before").disabled = start === 0;
  byId("next").disabled = start + AT_ONCE >= found.length;
  byId("prompts").replaceChildren(...shown.map(shownPrompt));
}

function startPrompts() {
  if (!data.prompts.length) return;
  byId("source").onchange = byId("verdict").onchange = byId("search").oninput = () => showPrompts(0);
  byId("before").onclick = () => showPrompts(start - AT_ONCE);
  byId("next").onclick = () => showPrompts(start + AT_ONCE);
  showPrompts(0);
}

async function startPage() {
  startThemes(redraw);
  startTables();
  data = JSON.parse(await unpack("data"));
  startPrompts();
  await loadPlotly();
  for (const chip of document.querySelectorAll(".chip")) {
    chip.onclick = () => {
      const number = Number(chip.dataset.number);
      if (!hidden.delete(number)) hidden.add(number);
      remember({ hidden: [...hidden] });
      redraw();
      if (data.prompts.length) showPrompts(start);
    };
  }
  for (const button of document.querySelectorAll(".wider")) {
    button.onclick = () => {
      button.closest(".panel").classList.toggle("wide");
      redraw();
    };
  }
  addEventListener("resize", redraw);
  redraw();
  document.body.dataset.ready = "yes";
}

startPage().catch((error) => {
  byId("problem").hidden = false;
  byId("problem").textContent = `The page could not be drawn (${error.message}). It needs a browser of 2023 or later.`;
  throw error;
});
