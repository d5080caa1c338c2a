// Runs after the report: waits for the plots, uses the page, and tells the frame around it what was found.
(async function () {
const sleep = function (ms) { return new Promise(function (r) { setTimeout(r, ms); }); };
// as it opens, before anybody scrolls
await sleep(300);
const nodes = document.getElementsByTagName("*").length;
const fold = Array.from(document.querySelectorAll(".panels > li")).map(function (e) {
  const box = e.getBoundingClientRect();
  return [box.top, box.bottom, e.querySelectorAll("svg g").length];
});
const plots = Array.from(document.querySelectorAll(".plot"));
const early = plots.filter(function (p) { return p.dataset.drawn; }).length;
document.querySelectorAll("details").forEach(function (d) { d.open = true; });
window.dispatchEvent(new Event("beforeprint"));
window.dispatchEvent(new Event("afterprint"));
for (let i = 0; i < 300 && !plots.every(function (p) { return p.dataset.drawn === "done"; }); i++) await sleep(100);
await sleep(200);
const marks = ".points path, .js-line, .bars path, .barlayer path, .boxlayer path, .hm image, .textpoint text";
const empty = plots.filter(function (p) {
  const box = p.getBoundingClientRect();
  return p.dataset.drawn !== "done" || box.width < 100 || box.height < 100 || !p.querySelector(marks);
}).map(function (p) { return [p.dataset.figure, p.dataset.drawn, p.getBoundingClientRect().width].join(" "); });

// geometry: nothing reaches beyond the page or what it scrolls in, no text beyond its box or over another
const page = document.documentElement.clientWidth;
const wide = Array.from(document.querySelectorAll("main *, header *, nav *, footer *")).filter(function (e) {
  const box = e.getBoundingClientRect();
  if (!box.width || !box.height || e.closest(".scroll, .hidden, svg, .js-plotly-plot")) return false;
  return box.right > page + 1 || box.left < -1;
}).map(function (e) { return e.outerHTML.slice(0, 100); });
const cut = plots.filter(function (p) {
  const frame = p.getBoundingClientRect();
  return Array.from(p.querySelectorAll(".main-svg text")).some(function (t) {
    const box = t.getBoundingClientRect();
    return box.width && t.textContent.trim() && !t.closest(".textpoint") &&
      (box.right > frame.right + 3 || box.left < frame.left - 3 || box.bottom > frame.bottom + 3);
  });
}).map(function (p) { return p.dataset.figure; });
const legends = plots.filter(function (p) {
  const legend = p.querySelector(".legend"), frame = p.getBoundingClientRect();
  if (!legend) return false;
  const box = legend.getBoundingClientRect();
  return box.right > frame.right + 3 || box.bottom > frame.bottom + 3 || box.height < 5;
}).map(function (p) { return p.dataset.figure; });
function crossed(a, b) {
  return a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1;
}
const blocks = Array.from(document.querySelectorAll("main > section > *, .panels > li, .glance > li, header > *"));
const boxes = blocks.map(function (e) { return e.getBoundingClientRect(); });
const over = [];
boxes.forEach(function (a, i) {
  for (let k = i + 1; k < boxes.length; k++) {
    if (blocks[i].contains(blocks[k]) || !a.height || !boxes[k].height || blocks[i].matches(".logo")) continue;
    if (crossed(a, boxes[k])) over.push(blocks[i].outerHTML.slice(0, 60) + " | " + blocks[k].outerHTML.slice(0, 60));
  }
});
const axes = plots.filter(function (p) {
  return Array.from(p.querySelectorAll(".xaxislayer-above, .yaxislayer-above")).some(function (axis) {
    const labels = Array.from(axis.querySelectorAll("text")).filter(function (t) {
      return t.getBoundingClientRect().width && !(t.getAttribute("transform") || "").match(/rotate\(-?[1-9]/);
    }).map(function (t) { return t.getBoundingClientRect(); });
    return labels.some(function (a, i) { return labels.slice(i + 1).some(function (b) { return crossed(a, b); }); });
  });
}).map(function (p) { return p.dataset.figure; });

function column(table, index) {
  return Array.from(table.tBodies[0].rows).map(function (r) { return r.cells[index].dataset.v; });
}
const table = document.querySelector("table.data[data-name=composition_table]");
const head = Array.from(table.tHead.rows[0].cells);
const index = head.findIndex(function (c) { return c.textContent.trim() === "log2 fold change"; });
const button = table.tHead.rows[0].cells[index].querySelector("button");
button.click(); const up = column(table, index);
button.click(); const down = column(table, index);
const input = table.closest(".table-block").querySelector("input");
input.value = "pDC difference"; input.dispatchEvent(new Event("input"));
const found = Array.from(table.tBodies[0].rows).map(function (r) { return r.textContent; });
const count = table.closest(".table-block").querySelector(".count").textContent;
const saved = []; const old = URL.createObjectURL;
URL.createObjectURL = function (blob) { saved.push(blob); return "blob:x"; };
HTMLAnchorElement.prototype.click = function () {};
document.querySelector(".save-data").click();
table.closest(".table-block").querySelector(".save-table").click();
const texts = await Promise.all(saved.map(function (b) { return b.text(); }));
input.value = ""; input.dispatchEvent(new Event("input"));
const pages = table.closest(".table-block").querySelector(".pages");
const turned = [table.tBodies[0].rows.length, pages.hidden, pages.textContent];
pages.querySelector("button:last-of-type").click();
turned.push(pages.textContent);
const numbers_shown = Array.from(document.querySelectorAll("table.data td.number")).map(function (c) {
  return [c.dataset.v, c.textContent];
});

// the keyboard: every control is reached in the order of the page, and shows that it is
const controls = "a[href], button, input, summary, [tabindex='0']";
const reached = Array.from(document.querySelectorAll(controls)).filter(function (e) {
  return e.offsetParent && !e.disabled && !e.closest(".js-plotly-plot");
});
const skipped = reached.filter(function (e) { return e.tabIndex < 0; }).length;
const dull = reached.slice(0, 400).filter(function (e) {
  e.focus({ preventScroll: true, focusVisible: true });
  return document.activeElement !== e || getComputedStyle(e).outlineStyle === "none";
}).map(function (e) { return e.outerHTML.slice(0, 100); });

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
  nodes: nodes, early: early, fold: fold, wide: wide, cut: cut, legends: legends, over: over, axes: axes, count: count,
  turned: turned, numbers: numbers_shown, skipped: skipped, dull: dull, height: innerHeight, inner: innerWidth,
  dark: getComputedStyle(document.body).backgroundColor, width: document.documentElement.scrollWidth,
  faint: faint, unnamed: unnamed, axe: axe_found,
  loaded: names.filter(function (n) { return !/^(data|blob):/.test(n); }),
  twice: ids.filter(function (id, i) { return ids.indexOf(id) !== i; }),
  sections: document.querySelectorAll("main > section").length,
}), "*");
})();
