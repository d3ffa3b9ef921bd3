(function () {
  "use strict";
  const NAVIGATED = "_dashprivate_pushstate"; // dcc.Location listens to it

  function go(url, replace) {
    const leaving = new URL(url, window.location.href).pathname !== window.location.pathname;
    window.history[replace ? "replaceState" : "pushState"]({}, "", url);
    window.dispatchEvent(new CustomEvent(NAVIGATED));
    if (leaving) {
      window.scrollTo(0, 0);
    }
  }

  // A table that is drawn anew takes the focus with it: give it back to the link of the same id.
  let focused = null;
  document.addEventListener("focusin", function (event) {
    focused = event.target.id || null;
  });
  document.addEventListener("pointerdown", function () {
    focused = null;
  });
  new MutationObserver(function () {
    const link = focused && document.activeElement === document.body;
    if (link && document.getElementById(focused)) {
      document.getElementById(focused).focus({ preventScroll: true });
    }
  }).observe(document.body, { childList: true, subtree: true });

  // Links marked data-in-page change the address bar without loading the page anew.
  document.addEventListener("click", function (event) {
    const link = event.target.closest("a[data-in-page]");
    const plain =
      event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
    if (link && plain) {
      event.preventDefault();
      go(link.href, false);
    }
  });

  // How old what is shown is: a server that is silent must not pass for one with no news.
  const STALE = 60;
  setInterval(function () {
    const asked = document.getElementById("shell-fresh-time");
    const age = document.getElementById("shell-age");
    const when = asked && Date.parse(asked.dateTime);
    if (!age || !when) {
      return;
    }
    const seconds = Math.max(0, Math.round((Date.now() - when) / 1000));
    const paused = document.getElementById("shell-pause-button").ariaPressed === "true";
    const old = seconds < 90 ? seconds + "\u00a0s" : Math.round(seconds / 60) + "\u00a0min";
    const words = age.dataset;
    const first = paused ? words.paused : seconds > STALE ? words.silent : "";
    age.textContent = (first && first + " ") + words.age.replace("{age}", old);
    age.classList.toggle("age-stale", seconds > STALE && !paused);
  }, 1000);

  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.vlib = {
    readout: function (value) {
      return Number(value).toLocaleString(document.documentElement.lang);
    },

    pause: function (clicks) {
      const paused = clicks % 2 === 1;
      const words = document.getElementById("shell-pause-button").dataset;
      return [paused, paused, paused ? words.goOn : words.pause, String(paused)];
    },

    // The theme and the language that the URL asks for, and links between pages that keep them.
    shell: function (pathname, _search, chosen, language, shown) {
      const params = new URLSearchParams(window.location.search);
      const triggered = window.dash_clientside.callback_context.triggered_id;
      if (triggered === "shell-theme-select") {
        params.delete("theme");
        if (chosen !== "system") {
          params.set("theme", chosen);
        }
        const query = params.toString();
        go(window.location.pathname + (query ? "?" + query : ""), true);
      }
      const spoken = document.documentElement.lang;
      if (triggered === "shell-language-select" && language !== spoken) {
        params.set("lang", language);
        window.location.search = params.toString(); // another language is another document
      }
      const theme = params.get("theme") || "";
      const kept = new URLSearchParams();
      for (const name of ["lang", "theme"]) {
        if (params.get(name)) {
          kept.set(name, params.get(name));
        }
      }
      const query = kept.toString() && "?" + kept.toString();
      const applied = window.vlibTheme();
      const links = Array.from(document.querySelectorAll(".nav-items a"));
      const paths = links.map((link) => new URL(link.href).pathname);
      const here = links.findIndex(
        (_link, i) => paths[i].replace(/\/$/, "") === (pathname || "").replace(/\/$/, "")
      );
      document.title = (here < 0 ? "" : links[here].textContent + " · ") + "Vlib";
      return [
        applied === shown ? window.dash_clientside.no_update : applied,
        theme || "system",
        spoken,
        ...paths.map((path) => path + query),
        ...paths.map((_path, i) => (i === here ? "page" : "false")),
      ];
    },
  };
})();
