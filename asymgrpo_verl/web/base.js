"use strict";
// What every page has: packed data, a remembered state, two themes, tables that sort.

// Return the text that `pack` of one_file.py put into the element.
async function unpack(id) {
  const bytes = Uint8Array.from(atob(document.getElementById(id).textContent), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).text();
}

async function loadPlotly() {
  const script = document.createElement("script");
  script.textContent = await unpack("plotly");
  document.head.append(script);
}

// What the reader chose. It outlives a reload of the page in the same tab, and so a refresh while a run trains.
const state = JSON.parse(sessionStorage.getItem(location.pathname) ?? "{}");

function remember(changes) {
  Object.assign(state, changes);
  sessionStorage.setItem(location.pathname, JSON.stringify(state));
}

function color(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

// Black lines, the last colour of the palette, are white on the dark page.
function visible(line) {
  return line === "#000000" ? color("text") : line;
}

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  document.getElementById("theme").textContent = theme === "dark" ? "light" : "dark";
}

function startThemes(redraw) {
  setTheme(state.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light"));
  document.getElementById("theme").onclick = (event) => {
    remember({ theme: event.target.textContent });
    setTheme(state.theme);
    redraw();
  };
}

// Sort a table by a column: numbers from the highest, texts from A. Cells without a number come last.
function sortTable(table, column, direction) {
  const cell = (row) => row.cells[column].textContent.trim();
  const rows = [...table.tBodies[0].rows];
  const numeric = rows.some((row) => !isNaN(parseFloat(cell(row)))) && column > 0;
  const sign = (direction === "ascending") ? 1 : -1;
  rows.sort((a, b) => {
    if (!numeric) return sign * cell(a).localeCompare(cell(b));
    const [x, y] = [parseFloat(cell(a)), parseFloat(cell(b))];
    return isNaN(x) - isNaN(y) || sign * (x - y) || 0;
  });
  table.tBodies[0].append(...rows);
  [...table.tHead.rows[0].cells].forEach((head, i) => head.setAttribute("aria-sort", i === column ? direction : "none"));
}

function startTables() {
  for (const table of document.querySelectorAll("table.sortable")) {
    [...table.tHead.rows[0].cells].forEach((head, column) => {
      head.querySelector("button").onclick = () => {
        const first = column > 0 ? "descending" : "ascending";
        const other = column > 0 ? "ascending" : "descending";
        sortTable(table, column, head.getAttribute("aria-sort") === first ? other : first);
      };
    });
  }
}
