"use strict";
(function () {
  const figures = JSON.parse(document.getElementById("figure-data").textContent);
  const config = {
    responsive: true, displaylogo: false,
    modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d", "toggleSpikelines"],
    toImageButtonOptions: { format: "svg" },
  };

  // Narrow screens: smaller type, legends below the plot, where they do not cover it.
  function wrapped(text) {
    return text.split(" ").reduce(function (lines, word) {
      const last = lines.length - 1;
      if (last >= 0 && (lines[last] + word).length < 34) lines[last] += " " + word;
      else lines.push(word);
      return lines;
    }, []).join("<br>");
  }
  function fitted(figure, width) {
    const layout = figure.layout;
    if (width > 600) return layout;
    const narrow = Object.assign({}, layout, { font: Object.assign({}, layout.font, { size: 11 }) });
    narrow.margin = Object.assign({}, layout.margin, { l: 10, r: 8 });
    // in parts of the plot's height: 80 pixels below it, whatever the height
    const below = -80 / Math.max(150, (layout.height || 420) - 130);
    const map = layout.meta && layout.meta.narrow_size;
    if (map) narrow.height = 430; // its squares stay about as wide as they are high
    else if (layout.showlegend !== false) narrow.height = (layout.height || 420) + 70;
    narrow.legend = Object.assign({}, layout.legend, { y: below, yanchor: "top", font: { size: 11 } });
    ["xaxis", "yaxis"].forEach(function (axis) {
      narrow[axis] = Object.assign({}, layout[axis], { title: { text: wrapped(layout[axis].title.text) } });
    });
    if (layout.xaxis.ticktext) narrow.xaxis.tickangle = -60;
    if (map) {
      figure.data.forEach(function (trace) { trace.marker.size = map; });
    }
    return narrow;
  }

  function draw(place) {
    if (place.dataset.drawn) return;
    place.dataset.drawn = "started";
    const figure = figures[place.dataset.figure];
    Plotly.newPlot(place, figure.data, fitted(figure, place.clientWidth), config).then(function () {
      place.style.minHeight = "";
      place.dataset.drawn = "done";
    });
  }

  // What is near the window is drawn at once, the rest when the browser is idle.
  const waiting = Array.from(document.querySelectorAll(".plot"));
  function drawAll() { waiting.splice(0).forEach(draw); }
  function later(action) {
    if (window.requestIdleCallback) window.requestIdleCallback(action, { timeout: 300 });
    else window.setTimeout(action, 30);
  }
  function drawNext() {
    const place = waiting.shift();
    if (!place) return;
    draw(place);
    later(drawNext);
  }
  if ("IntersectionObserver" in window) {
    const near = new IntersectionObserver(function (entries) {
      entries.filter(function (e) { return e.isIntersecting; }).forEach(function (e) { draw(e.target); });
    }, { rootMargin: "600px" });
    waiting.forEach(function (place) { near.observe(place); });
  }
  later(drawNext);
  window.addEventListener("beforeprint", function () {
    drawAll(); // what is folded stays so: its title and file are printed
  });
  document.addEventListener("toggle", function (event) {
    event.target.querySelectorAll(".plot[data-drawn=done]").forEach(function (p) { Plotly.Plots.resize(p); });
  }, true);

  function save(name, text, type) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: type }));
    link.download = name;
    link.click();
    setTimeout(function () { URL.revokeObjectURL(link.href); }, 1000);
  }

  function quoted(value) {
    const text = value === null || value === undefined ? "" : String(value);
    return /[",\n]/.test(text) ? '"' + text.replace(/"/g, '""') + '"' : text;
  }

  function csvOf(name) {
    const columns = figures[name].csv, names = Object.keys(columns);
    const rows = names.length ? columns[names[0]].map(function (_, i) {
      return names.map(function (n) { return quoted(columns[n][i]); }).join(",");
    }) : [];
    return [names.map(quoted).join(",")].concat(rows).join("\n") + "\n";
  }
  document.querySelectorAll(".save-data").forEach(function (button) {
    button.addEventListener("click", function () {
      save(button.dataset.figure + ".csv", csvOf(button.dataset.figure), "text/csv");
    });
  });

  // Tables: sort by a column (numbers by value, empty last), search, download what is shown.
  function cellValue(row, index, numeric) {
    const cell = row.cells[index];
    if (!numeric) return cell.textContent.toLowerCase();
    return cell.dataset.v === "" ? null : Number(cell.dataset.v);
  }
  function sortBy(table, index) {
    const head = table.tHead.rows[0].cells, header = head[index];
    const down = header.getAttribute("aria-sort") === "ascending";
    const numeric = header.classList.contains("number"), body = table.tBodies[0];
    const rows = Array.from(body.rows).map(function (row) { return [cellValue(row, index, numeric), row]; });
    rows.sort(function (a, b) {
      if (a[0] === null || b[0] === null) return (a[0] === null) - (b[0] === null);
      const order = numeric ? a[0] - b[0] : a[0].localeCompare(b[0], undefined, { numeric: true });
      return down ? -order : order;
    });
    rows.forEach(function (pair) { body.appendChild(pair[1]); });
    Array.from(head).forEach(function (h) { h.removeAttribute("aria-sort"); });
    header.setAttribute("aria-sort", down ? "descending" : "ascending");
  }
  document.querySelectorAll("table.data").forEach(function (table) {
    Array.from(table.tHead.rows[0].cells).forEach(function (header, index) {
      header.firstElementChild.addEventListener("click", function () { sortBy(table, index); });
    });
  });
  function tableOf(control) { return control.closest(".table-block").querySelector("table.data"); }
  document.querySelectorAll(".tools input").forEach(function (input) {
    input.addEventListener("input", function () {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      const rows = Array.from(tableOf(input).tBodies[0].rows);
      let shown = 0;
      rows.forEach(function (row) {
        const text = row.textContent.toLowerCase();
        row.hidden = !words.every(function (word) { return text.includes(word); });
        shown += !row.hidden;
      });
      input.closest(".tools").querySelector(".count").textContent =
        shown === rows.length ? rows.length + " rows" : shown + " of " + rows.length + " rows";
    });
  });
  document.querySelectorAll(".save-table").forEach(function (button) {
    button.addEventListener("click", function () {
      const table = tableOf(button);
      const rows = [table.tHead.rows[0]].concat(Array.from(table.tBodies[0].rows));
      const lines = rows.filter(function (row) { return !row.hidden; });
      const text = lines.map(function (row) {
        return Array.from(row.cells).map(function (c) {
          return "v" in c.dataset ? c.dataset.v : c.textContent.trim();
        }).join("\t");
      }).join("\n") + "\n";
      save(button.dataset.table + ".tsv", text, "text/tab-separated-values");
    });
  });

  // Contents: closed on small screens, the current section marked.
  const contents = document.querySelector("nav details");
  if (window.innerWidth <= 900) contents.open = false;
  const links = new Map(Array.from(document.querySelectorAll("nav a")).map(function (a) {
    return [a.hash.slice(1), a];
  }));
  if ("IntersectionObserver" in window) {
    const seen = new IntersectionObserver(function (entries) {
      entries.filter(function (e) { return e.isIntersecting; }).forEach(function (e) {
        links.forEach(function (a) { a.classList.remove("here"); a.removeAttribute("aria-current"); });
        const link = links.get(e.target.id);
        if (link) { link.classList.add("here"); link.setAttribute("aria-current", "true"); }
      });
    }, { rootMargin: "-15% 0px -75% 0px" });
    document.querySelectorAll("section").forEach(function (s) { seen.observe(s); });
  }
})();
