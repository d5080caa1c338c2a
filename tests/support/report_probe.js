// Runs after the report: waits for the plots, uses the page, and tells the frame around it what was found.
(async function () {
const plots = Array.from(document.querySelectorAll(".plot"));
const sleep = function (ms) { return new Promise(function (r) { setTimeout(r, ms); }); };
for (let i = 0; i < 300 && !plots.every(function (p) { return p.dataset.drawn === "done"; }); i++) await sleep(100);
const marks = ".points path, .js-line, .bars path, .barlayer path, .boxlayer path, .hm image, .textpoint text";
const empty = plots.filter(function (p) {
  const box = p.getBoundingClientRect();
  return p.dataset.drawn !== "done" || box.width < 100 || box.height < 100 || !p.querySelector(marks);
}).map(function (p) { return [p.dataset.figure, p.dataset.drawn, p.getBoundingClientRect().width].join(" "); });

function column(table, index) {
  return Array.from(table.tBodies[0].rows).map(function (r) { return r.cells[index].dataset.v; });
}
const table = document.querySelector("table.data[data-name=composition_table]");
const head = Array.from(table.tHead.rows[0].cells);
const index = head.findIndex(function (c) { return c.textContent.trim() === "log2fc"; });
const button = table.tHead.rows[0].cells[index].querySelector("button");
button.click(); const up = column(table, index);
button.click(); const down = column(table, index);
const input = table.closest(".table-block").querySelector("input");
input.value = "pDC interaction"; input.dispatchEvent(new Event("input"));
const shown = Array.from(table.tBodies[0].rows).filter(function (r) { return !r.hidden; });
const found = shown.map(function (r) { return r.textContent; });
const saved = []; const old = URL.createObjectURL;
URL.createObjectURL = function (blob) { saved.push(blob); return "blob:x"; };
HTMLAnchorElement.prototype.click = function () {};
document.querySelector(".save-data").click();
table.closest(".table-block").querySelector(".save-table").click();
const texts = await Promise.all(saved.map(function (b) { return b.text(); }));
input.value = ""; input.dispatchEvent(new Event("input"));

// contrast of text with what is behind it (WCAG 2.1, 1.4.3)
function light(rgb) {
  const v = rgb.slice(0, 3).map(function (c) {
    c /= 255;
    return c <= 0.03928 ? c / 12.92 : Math.pow((c + 0.055) / 1.055, 2.4);
  });
  return 0.2126 * v[0] + 0.7152 * v[1] + 0.0722 * v[2];
}
function numbers(colour) { return (colour.match(/[\d.]+/g) || []).map(Number); }
function behind(e) {
  for (; e; e = e.parentElement) {
    const c = numbers(getComputedStyle(e).backgroundColor);
    if (c.length === 3 || c[3] > 0.99) return c;
  }
  return [255, 255, 255];
}
const faint = Array.from(document.querySelectorAll("main *, nav *, header *, footer *, .mark")).filter(function (e) {
  const own = Array.from(e.childNodes).some(function (n) { return n.nodeType === 3 && n.textContent.trim(); });
  if (!own || e.closest("svg, .js-plotly-plot") || !e.offsetParent) return false;
  const a = light(numbers(getComputedStyle(e).color)), b = light(behind(e));
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05) < 4.5;
}).map(function (e) { return e.outerHTML.slice(0, 120); });
const named = document.querySelectorAll("button, input, a, [role=group], [role=region]");
const unnamed = Array.from(named).filter(function (e) {
  return !(e.closest(".js-plotly-plot") && !e.classList.contains("plot")) &&
    !(e.textContent.trim() || e.getAttribute("aria-label") || e.title);
}).map(function (e) { return e.outerHTML.slice(0, 120); });

let axe_found = null;
if (window.axe) {
  const result = await axe.run(document, { exclude: [[".js-plotly-plot"]], resultTypes: ["violations"] });
  axe_found = result.violations.map(function (v) {
    return v.id + ": " + v.nodes.slice(0, 3).map(function (n) { return n.html.slice(0, 120); }).join(" | ");
  });
}
const names = performance.getEntriesByType("resource").map(function (r) { return r.name; });
const ids = Array.from(document.querySelectorAll("[id]")).map(function (e) { return e.id; });
parent.postMessage(JSON.stringify({
  problems: window.problems, plots: plots.length, empty: empty, up: up, down: down, found: found, texts: texts,
  faint: faint, unnamed: unnamed, axe: axe_found, width: document.documentElement.scrollWidth, inner: innerWidth,
  loaded: names.filter(function (n) { return !/^(data|blob):/.test(n); }),
  twice: ids.filter(function (id, i) { return ids.indexOf(id) !== i; }),
  sections: document.querySelectorAll("main > section").length,
}), "*");
})();
