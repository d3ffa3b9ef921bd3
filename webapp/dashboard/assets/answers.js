// What is chosen and what is shown differ while an answer is under way, or if none comes: the parts
// of the page that wait for it say so, and it is asked for again until it is there.
(function () {
  "use strict";
  const UPDATE = "/_dash-update-component";
  const QUIET_MS = 300; // a wait that nobody notices
  const AGAIN_MS = 3000;
  const plain = window.fetch;
  const owed = new Map(); // the newest request of each callback that has no good answer yet

  // The parts of the page that a callback, named by its output, is for.
  function parts(output) {
    const main = document.getElementById("shell-content");
    const [, drawn] = /^(shell-content)\.children/.exec(output) ||
      /([\w-]+-section)\.children/.exec(output) || [null, null];
    if (drawn) {
      const place = document.getElementById(drawn);
      return place ? [place.parentElement] : [];
    }
    // The URL follows a control, and each section the URL.
    return main && /-url\.search/.test(output) ? Array.from(main.querySelectorAll(".part")) : [];
  }

  function show() {
    const words = document.getElementById("shell-content").dataset;
    const requests = Array.from(owed, ([output, one]) => ({ ...one, parts: parts(output) }));
    for (const part of document.querySelectorAll(".part")) {
      const mine = requests.filter((one) => one.parts.includes(part));
      const failed = mine.some((one) => one.failed);
      const old = "drawn" in part.dataset && mine.some((one) => one.failed || one.late);
      part.setAttribute("aria-busy", String(mine.length > 0));
      part.toggleAttribute("data-failed", failed);
      part.toggleAttribute("data-old", old);
      const news = part.querySelector(":scope > .news");
      const text = failed ? (old ? words.outdated : words.missing) : old ? words.loading : "";
      if (news.textContent !== text) {
        news.textContent = text;
      }
    }
  }

  async function ask(output, send) {
    const request = { failed: Boolean(owed.get(output)?.failed), late: false };
    const newest = () => owed.get(output) === request;
    owed.set(output, request);
    show();
    setTimeout(function () {
      request.late = true;
      show();
    }, QUIET_MS);
    for (;;) {
      const [answer, error] = await send().then(
        (found) => [found, null],
        (reason) => [null, reason]
      );
      const broken = !answer || answer.status >= 500;
      if (answer?.ok) {
        setTimeout(() => newest() && settle(output)); // Dash draws it first
      } else if (newest()) {
        request.failed = true;
        show();
        await new Promise((resolve) => setTimeout(resolve, broken ? AGAIN_MS : 0));
      }
      if (!broken || !newest() || !parts(output).length) {
        if (error) {
          throw error;
        }
        return answer;
      }
    }
  }

  function settle(output) {
    owed.delete(output);
    if (!/-url\.search/.test(output)) {
      parts(output).forEach((part) => (part.dataset.drawn = ""));
    }
    show();
  }

  window.fetch = function (address, options) {
    const send = () => plain(address, options);
    if (!String(address).includes(UPDATE)) {
      return send();
    }
    const { output, changedPropIds } = JSON.parse(options.body);
    const byClock = changedPropIds.length && changedPropIds.every((id) => /n_intervals$/.test(id));
    // A clock's request asks for nothing new, but it may bring what is owed.
    return parts(output).length && (!byClock || owed.has(output)) ? ask(output, send) : send();
  };
})();
