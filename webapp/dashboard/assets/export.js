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

  // A file is named by what it shows: vlib-error-by-hour-and-weekday-2012-12-31.png, with the last
  // day of its part of the page.
  function fileName(id) {
    const title = document.getElementById(id + "-title");
    const charts = Array.from(title.closest(".part").querySelectorAll(".chart"), (one) => one.id);
    const plainly = title.textContent.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
    const words = plainly.match(/[a-z0-9]+/g) || [];
    const days = JSON.stringify(charts.map(numbers)).match(/\b\d{4}-\d\d-\d\d/g) || [];
    return ["vlib", ...words, ...days.sort().slice(-1)].join("-");
  }

  // The card's title, its note and what the page says of the choice, in lines that fit.
  function heading(id, width) {
    const told = document.querySelector(".told");
    const note = document.getElementById(id + "-note").textContent;
    const lines = [];
    for (const text of [note, told ? told.textContent : ""].filter(Boolean)) {
      let line = "";
      for (const word of text.split(" ")) {
        if (line && (line + word).length > width / 7) {
          lines.push(line);
          line = "";
        }
        line += (line && " ") + word;
      }
      lines.push(line);
    }
    const plainly = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;");
    return [document.getElementById(id + "-title").textContent, ...lines].map(plainly);
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
      save(fileName(of) + ".csv", "text/csv;charset=utf-8", csv(numbers(of)));
    } else if (tool === "rows") {
      const table = button.closest(".table-block").querySelector("table");
      save(of + ".csv", "text/csv;charset=utf-8", csv(cells(table)));
    } else {
      const drawn = plot(of);
      const width = Math.max(drawn.clientWidth, 900);
      const [title, ...lines] = heading(of, width);
      const top = 45 + 17 * lines.length;
      const height = drawn.clientHeight + top;
      const usual = drawn._fullLayout.margin.t;
      const ground = getComputedStyle(document.body).getPropertyValue("--vlib-surface").trim();
      const figure = {
        config: { locale: drawn._context.locale, locales: drawn._context.locales },
        data: drawn.data,
        layout: Object.assign({}, drawn.layout, {
          paper_bgcolor: ground,
          plot_bgcolor: ground,
          margin: Object.assign({}, drawn.layout.margin, { t: usual + top }),
          legend: Object.assign({}, drawn.layout.legend, { y: 1 - top / height }),
          title: {
            text: "<b>" + title + "</b>",
            subtitle: { text: lines.join("<br>"), font: { size: 13 } },
            font: { size: 16 },
            automargin: false,
            x: 0,
            xanchor: "left",
            xref: "container",
            y: 1,
            yanchor: "top",
            yref: "container",
            pad: { l: 16, t: 14 },
          },
        }),
      };
      window.Plotly.downloadImage(figure, {
        format: tool,
        filename: fileName(of),
        width: width,
        height: height,
        scale: tool === "png" ? 2 : 1,
      });
    }
  });
})();
