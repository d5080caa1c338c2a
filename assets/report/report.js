"use strict";
(function () {
  function read(id) { return JSON.parse(document.getElementById(id).textContent); }
  const figures = read("figure-data"), tables = read("table-data");
  const ROWS = 25; // of a table on a page of it
  // Pixels of a figure in 89 and in 183 mm, as the print style zooms it; its lines lie closer than on the screen.
  const PAPER = { narrow: 468, wide: 963, height: function (pixels) { return 105 + 0.42 * pixels; } };
  const config = {
    responsive: true, displaylogo: false,
    modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d", "toggleSpikelines"],
    toImageButtonOptions: { format: "svg" },
  };
  function element(tag, properties, parts) {
    const made = Object.assign(document.createElement(tag), properties || {});
    (parts || []).forEach(function (part) { made.append(part); });
    return made;
  }
  function button(text, action, name) {
    const made = element("button", { type: "button", textContent: text });
    if (name) made.setAttribute("aria-label", name);
    made.addEventListener("click", action);
    return made;
  }

  // Narrow screens: smaller type, legends below the plot, where they do not cover it.
  function wrapped(text, most) {
    return text.split(" ").reduce(function (lines, word) {
      const last = lines.length - 1;
      if (last >= 0 && (lines[last] + word).length < (most || 26)) lines[last] += " " + word;
      else lines.push(word);
      return lines;
    }, []).join("<br>");
  }
  // Long names end in an ellipsis: whole they are in what a pointer shows, and in the data.
  function shortened(figure, key, most) {
    const axis = figure.layout[key];
    let places = axis.tickvals, texts = axis.ticktext;
    if (!texts && axis.type === "category") {
      places = Array.from(new Set([].concat.apply([], figure.data.map(function (t) { return t[key[0]] || []; }))));
      texts = places.map(String);
    }
    function long(text) { return text.split("<br>").some(function (line) { return line.length > most; }); }
    if (!texts || !texts.some(long)) return {};
    return { tickvals: places, ticktext: texts.map(function (text) {
      return text.split("<br>").map(function (line) {
        return line.length > most ? line.slice(0, most - 1) + "\u2026" : line;
      }).join("<br>");
    }) };
  }
  function longest(width) { return width > 600 ? 44 : 24; } // characters
  function named(data, width) {
    const most = longest(width);
    return data.map(function (trace) {
      if (!trace.name || trace.name.length <= most) return trace;
      return Object.assign({}, trace, { name: trace.name.slice(0, most - 1) + "\u2026" });
    });
  }
  function fitted(figure, width) {
    const most = longest(width), layout = Object.assign({}, figure.layout);
    // below the plot there is room for all of a legend
    if (layout.legend && layout.legend.y < 0) layout.legend = Object.assign({ maxheight: 1 }, layout.legend);
    ["xaxis", "yaxis"].forEach(function (key) {
      layout[key] = Object.assign({}, layout[key], shortened(figure, key, most));
    });
    if (width > 600) return layout;
    const narrow = Object.assign({}, layout, { font: Object.assign({}, layout.font, { size: 11 }) });
    narrow.margin = Object.assign({}, layout.margin, { l: 10, r: 8 });
    // in parts of the plot's height: 80 pixels below it, whatever the height
    const below = -80 / Math.max(150, (layout.height || 420) - 130);
    const map = layout.meta && layout.meta.narrow_size;
    const named = figure.data.filter(function (t) { return t.showlegend !== false && t.name; }).length;
    if (map) narrow.height = 430 + 11 * named; // its squares stay about as wide as they are high
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

  function onPage(figure, width) {
    const legend = figure.layout.legend;
    const named = figure.data.filter(function (t) { return t.showlegend !== false && t.name; });
    const below = legend && legend.y < 0 && figure.layout.showlegend !== false;
    const layout = fitted(figure, below || figure.layout.meta && figure.layout.meta.narrow_size ? width : PAPER.wide);
    layout.width = width;
    if (below) layout.height = 330 + 20 * Math.ceil(named.length / Math.floor(width / 150));
    else layout.height = PAPER.height(figure.layout.height);
    const lines = layout.yaxis.type === "category" ? { dtick: 1 } : {}; // every line is named
    if (lines.dtick || layout.yaxis.ticktext) lines.tickfont = { size: 10.5 };
    layout.yaxis = Object.assign({}, layout.yaxis, lines);
    if (width > 600) return layout;
    ["xaxis", "yaxis"].forEach(function (axis) {
      layout[axis] = Object.assign({}, layout[axis], { title: { text: wrapped(layout[axis].title.text, 34) } });
    });
    return layout;
  }
  function draw(place, width) {
    if (place.dataset.drawn) return;
    place.dataset.drawn = "started";
    const figure = figures[place.dataset.figure], across = width || place.clientWidth;
    const layout = width ? onPage(figure, width) : fitted(figure, across);
    place.print = function (printing) {
      // as it is drawn on paper, and back
      const next = printing ? onPage(figure, printed(place)) : fitted(figure, place.clientWidth);
      if (place.layout.updatemenus) next.updatemenus = place.layout.updatemenus; // the view that was chosen
      Plotly[printing ? "react" : "newPlot"](place, place.data, next, config);
    };
    Plotly.newPlot(place, named(figure.data, across), layout, config).then(function () {
      place.style.minHeight = "";
      place.dataset.drawn = "done";
      mark(place);
    });
  }

  // Tables: a page of rows at a time, sorted by a column (numbers by value, empty last), searched, downloaded.
  // Three digits, a half to the even one, as the page's sentences are rounded; more beside .05, to be told from it.
  function rounded(value) {
    const digits = Math.abs(value).toPrecision(40).replace(/e.*/, "").replace(".", "").replace(/^0+/, "");
    const half = /^50*$/.test(digits.slice(3)) && Number(digits[2]) % 2 === 0;
    let near = Number((half ? value * (1 - 1e-12) : value).toPrecision(3));
    for (let more = 4; near === 0.05 && value !== near && more < 18; more++) near = Number(value.toPrecision(more));
    return near;
  }
  function shown(value) {
    if (value === null || value === undefined) return "";
    if (typeof value === "boolean") return value ? "yes" : "no";
    if (typeof value !== "number") return value;
    if (Number.isInteger(value) && Math.abs(value) < 1e15) return value.toLocaleString("en");
    const near = rounded(value), size = Math.floor(Math.log10(Math.abs(near)));
    if (size >= -4 && size < 3) return String(near);
    return near.toExponential(2).replace(/\.?0+e/, "e").replace(/e([+-])(\d)$/, "e$10$2");
  }
  function cell(column, value) {
    const made = element("td", column.kind === "text" ? {} : { className: column.kind });
    if (column.kind === "number") made.dataset.v = value === null ? "" : value;
    const text = String(value).replace("_", " ");
    if (column.kind === "tier") made.append(element("span", { className: "tier " + value, textContent: text }));
    else if (column.kind === "link") made.append(element("a", { href: encodeURI(value), textContent: value }));
    else made.textContent = shown(value);
    if (column.kind === "tier") made.className = "";
    return made;
  }
  function compared(kind, down) {
    return function (a, b) {
      if (a[0] === null || b[0] === null) return (a[0] === null) - (b[0] === null);
      const order = kind === "number" ? a[0] - b[0]
        : String(a[0]).localeCompare(String(b[0]), undefined, { numeric: true });
      return down ? -order : order;
    };
  }
  function explained(table) {
    const known = table.columns.filter(function (column) { return column.meaning; });
    if (!known.length) return [];
    const list = element("dl"), details = element("details", { className: "columns" });
    details.append(element("summary", { textContent: "What the columns mean" }), list);
    details.addEventListener("toggle", function () {
      if (list.childElementCount) return;
      known.forEach(function (column) {
        const code = column.heading === column.name ? "" : " (" + column.name + ")"; // as in the file
        list.append(element("dt", { textContent: column.heading + code }));
        list.append(element("dd", { textContent: column.meaning }));
      });
    });
    return [details];
  }
  function list(place) {
    if (place.dataset.drawn) return;
    place.dataset.drawn = "done";
    const name = place.dataset.table, table = tables[name], total = table.rows;
    const texts = [];
    let order = Array.from({ length: total }, function (_, i) { return i; }), found = order;
    let first = 0, by = -1, down = false;
    function text(row) {
      if (texts[row] === undefined) {
        texts[row] = table.columns.map(function (c) { return shown(c.values[row]); }).join("\t").toLowerCase();
      }
      return texts[row];
    }
    const count = element("span", { className: "count" }), body = element("tbody"), heads = element("tr");
    count.setAttribute("aria-live", "polite");
    const input = element("input", { type: "search" });
    input.setAttribute("aria-label", "Search in " + table.title);
    const back = button("\u2039", function () { go(first - ROWS); }, "Rows before, of " + table.title);
    const on = button("\u203a", function () { go(first + ROWS); }, "Rows after, of " + table.title);
    const span = element("span", { className: "count" });
    const pages = element("span", { className: "pages" }, [back, span, on]);
    function fill(start, end) {
      body.replaceChildren.apply(body, found.slice(start, end).map(function (row) {
        return element("tr", {}, table.columns.map(function (c) { return cell(c, c.values[row]); }));
      }));
    }
    function go(start) {
      first = Math.max(0, Math.min(start, found.length - 1));
      const end = Math.min(first + ROWS, found.length);
      fill(first, end);
      count.textContent = found.length === total ? total + " rows" : found.length + " of " + total + " rows";
      span.textContent = "rows " + (first + 1) + " to " + end;
      pages.hidden = found.length <= ROWS;
      back.disabled = first === 0;
      on.disabled = end === found.length;
    }
    function search() {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      found = order.filter(function (row) {
        return words.every(function (word) { return text(row).includes(word); });
      });
      go(0);
    }
    input.addEventListener("input", search);
    table.columns.forEach(function (column, index) {
      const head = element("th", { scope: "col", className: column.kind === "number" ? "number" : "" });
      const sort = button(column.heading, function () {
        down = by === index && !down;
        by = index;
        const pairs = order.slice().sort(function (a, b) { return a - b; }).map(function (row) {
          return [column.values[row], row];
        });
        order = pairs.sort(compared(column.kind, down)).map(function (pair) { return pair[1]; });
        Array.from(heads.cells).forEach(function (h) { h.removeAttribute("aria-sort"); });
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        search();
      });
      sort.title = column.meaning || "Sort by " + column.heading;
      head.append(sort);
      heads.append(head);
    });
    const keep = button("Download rows (TSV)", function () {
      const lines = found.map(function (row) {
        return table.columns.map(function (c) {
          const value = c.values[row];
          return value === null ? "" : String(value).replace(/[\t\n]/g, " ");
        }).join("\t");
      });
      const names = table.columns.map(function (c) { return c.name; }).join("\t");
      save(name + ".tsv", [names].concat(lines).join("\n") + "\n", "text/tab-separated-values");
    });
    keep.className = "save-table";
    const named = { textContent: table.file };
    Object.assign(named, table.linked ? { href: encodeURI(table.file) } : { className: "file" });
    const file = table.file ? [element(table.linked ? "a" : "span", named)] : [];
    const tools = element("div", { className: "tools" }, [
      element("label", {}, ["Search ", input]), count, pages, keep].concat(file));
    const data = element("table", { className: "data" }, [
      element("caption", { className: "hidden", textContent: table.title }), element("thead", {}, [heads]), body]);
    data.dataset.name = name;
    const scroll = element("div", { className: "scroll", tabIndex: 0 }, [data]);
    scroll.setAttribute("role", "region");
    scroll.setAttribute("aria-label", table.title);
    place.append.apply(place, [tools, scroll].concat(explained(table)));
    place.style.minHeight = "";
    place.print = function (printing) {
      const there = place.querySelector(".printed");
      if (there) there.remove();
      if (printing && table.printed) place.append(onPaper(table));
    };
    go(0);
  }
  // The rows and columns that have room on paper, and what is said of the others.
  function onPaper(table) {
    const kinds = table.printed.numeric.map(function (is) { return { className: is ? "number" : "" }; });
    function row(tag, texts) {
      return element("tr", {}, texts.map(function (text, i) {
        return element(tag, Object.assign({ textContent: text }, kinds[i]));
      }));
    }
    return element("div", { className: "printed" }, [
      element("p", { className: "note", textContent: table.printed.note }),
      element("table", { className: "data" }, [
        element("thead", {}, [row("th", table.printed.columns)]),
        element("tbody", {}, table.printed.rows.map(function (texts) { return row("td", texts); })),
      ]),
    ]);
  }

  // What is near the window is drawn; what is folded, when it is opened; the rest before it is printed.
  const waiting = Array.from(document.querySelectorAll(".plot, .table-block"));
  function make(place) { (place.dataset.figure ? draw : list)(place); }
  if ("IntersectionObserver" in window) {
    const near = new IntersectionObserver(function (entries) {
      entries.filter(function (e) { return e.isIntersecting; }).forEach(function (e) {
        near.unobserve(e.target);
        make(e.target);
      });
    }, { rootMargin: "700px" });
    waiting.forEach(function (place) { near.observe(place); });
  } else waiting.forEach(make);
  function printed(place) { return PAPER[place.closest(".wide") ? "wide" : "narrow"]; }
  const folded = Array.from(document.querySelectorAll("details.change")); // what they hold is printed
  window.addEventListener("beforeprint", function () {
    folded.forEach(function (each) { each.dataset.was = each.open; each.open = true; });
    waiting.filter(function (place) { return !place.closest("details:not([open])"); }).forEach(function (place) {
      if (place.dataset.figure) draw(place, printed(place)); else list(place);
      place.print(true);
    });
  });
  window.addEventListener("afterprint", function () {
    folded.forEach(function (each) { each.open = each.dataset.was === "true"; });
    waiting.forEach(function (place) { if (place.print) place.print(false); });
  });
  document.addEventListener("toggle", function (event) {
    event.target.querySelectorAll(".plot[data-drawn=done]").forEach(function (p) { Plotly.Plots.resize(p); });
  }, true);

  // One sample of many: its line, bar or box is marked in every figure that shows samples.
  const picker = document.querySelector(".picker input");
  function mark(place) {
    if (!picker || place.dataset.drawn !== "done") return;
    const figure = figures[place.dataset.figure], kind = figure.layout.meta && figure.layout.meta.samples;
    if (!kind) return;
    const chosen = picker.value.trim();
    if (kind === "lines") {
      const its = figure.data.map(function (t) { return t.name === chosen || t.name.startsWith(chosen + " "); });
      const known = chosen && its.includes(true);
      Plotly.restyle(place, { opacity: its.map(function (own) { return own || !known ? 1 : 0.12; }) });
    } else {
      const all = [].concat.apply([], figure.data.map(function (t) { return t.x; }));
      Plotly.relayout(place, { annotations: !all.includes(chosen) ? [] : [
        { x: chosen, y: 1, yref: "paper", yanchor: "bottom", text: chosen, showarrow: true, ay: -18, ax: 0 }] });
    }
  }
  if (picker) {
    picker.addEventListener("change", function () { document.querySelectorAll(".plot").forEach(mark); });
  }

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
