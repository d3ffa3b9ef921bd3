// Below each chart and table: its numbers as a table and as CSV, its picture as PNG and SVG. All of
// it is made in the browser from what the chart was drawn from.
(function () {
  "use strict";

  function save(name, type, text) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob(["\ufeff", text], { type: type }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000); // a slow machine saves it late
  }

  function csv(rows) {
    const field = function (value) {
      const text = value === null || value === undefined ? "" : String(value);
      // A text that a spreadsheet would take for a formula is kept a text.
      const safe = typeof value === "string" && /^[=+@\t\r]|^-(?!\d*\.?\d+$)/.test(text) ? "'" + text : text;
      return /[",\n]/.test(safe) ? '"' + safe.replace(/"/g, '""') + '"' : safe;
    };
    return rows.map((row) => row.map(field).join(",")).join("\r\n") + "\r\n";
  }

  function plot(id) {
    const graph = document.getElementById(id);
    return graph && graph.querySelector(".js-plotly-plot");
  }

  function numbers(id) {
    const drawn = plot(id);
    const meta = drawn && drawn.layout && drawn.layout.meta;
    return meta ? [meta.columns, ...meta.rows] : [];
  }

  // A number or an hour as the reader's language writes it; the CSV has it for machines.
  const HOUR = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/;

  function written(value) {
    const language = document.documentElement.lang;
    if (value === null) {
      return "–";
    }
    if (typeof value === "number") {
      return value.toLocaleString(language);
    }
    return HOUR.test(value)
      ? new Date(value + "Z").toLocaleString(language === "en" ? "en-GB" : language, {
          dateStyle: "medium",
          timeStyle: "short",
          timeZone: "UTC", // as it stands there
        })
      : value;
  }

  function row(values, kind) {
    const line = document.createElement("tr");
    for (const value of values) {
      const cell = document.createElement(kind);
      cell.textContent = written(value);
      if (kind === "th") {
        cell.scope = "col";
      }
      line.append(cell);
    }
    return line;
  }

  function fill(place, id) {
    const [head, ...body] = numbers(id);
    const table = document.createElement("table");
    table.className = "table data-table";
    table.append(document.createElement("thead"), document.createElement("tbody"));
    table.tHead.append(row(head || [], "th"));
    table.tBodies[0].append(...body.map((values) => row(values, "td")));
    place.replaceChildren(table);
  }

  function toggle(button, id) {
    const place = document.getElementById(id + "-table");
    const opens = place.hidden;
    place.hidden = !opens;
    button.setAttribute("aria-expanded", String(opens));
    if (opens) {
      fill(place, id);
      const drawn = plot(id);
      if (drawn && !drawn.dataset.followed) {
        drawn.dataset.followed = "true";
        drawn.on("plotly_afterplot", () => place.hidden || fill(place, id));
      }
    }
  }

  function cells(table) {
    return Array.from(table.rows, (line) =>
      Array.from(line.cells, (cell) => (cell.dataset.value ?? cell.innerText).trim())
    );
  }

  document.addEventListener("click", function (event) {
    const button = event.target.closest("button[data-tool]");
    if (!button) {
      return;
    }
    const { tool, of } = button.dataset;
    if (tool === "table") {
      toggle(button, of);
    } else if (tool === "csv") {
      save(of + ".csv", "text/csv;charset=utf-8", csv(numbers(of)));
    } else if (tool === "rows") {
      const table = button.closest(".table-block").querySelector("table");
      save(of + ".csv", "text/csv;charset=utf-8", csv(cells(table)));
    } else {
      const drawn = plot(of);
      const width = Math.max(drawn.clientWidth, 900);
      const ground = getComputedStyle(document.body).getPropertyValue("--vlib-surface").trim();
      const figure = {
        config: { locale: drawn._context.locale, locales: drawn._context.locales },
        data: drawn.data,
        layout: Object.assign({}, drawn.layout, {
          paper_bgcolor: ground,
          plot_bgcolor: ground,
          margin: Object.assign({}, drawn.layout.margin, { t: 30 }),
        }),
      };
      window.Plotly.downloadImage(figure, {
        format: tool,
        filename: of,
        width: width,
        height: drawn.layout.height,
        scale: tool === "png" ? 2 : 1,
      });
    }
  });
})();
