// Runs in the head, so that the first paint is in the right colours: the theme of the URL
// (?theme=light or dark), else the system's, which it goes on following.
(function () {
  "use strict";
  const system = window.matchMedia("(prefers-color-scheme: dark)");

  function apply() {
    const chosen = new URLSearchParams(window.location.search).get("theme");
    const theme =
      chosen === "light" || chosen === "dark" ? chosen : system.matches ? "dark" : "light";
    document.documentElement.dataset.bsTheme = theme;
    return theme;
  }

  apply();
  window.vlibTheme = apply;
  system.addEventListener("change", function () {
    window.dash_clientside.set_props("shell-theme-store", { data: apply() });
  });
})();
