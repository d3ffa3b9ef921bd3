// Runs in the head. What a page asks of the server is answered in the language of its document,
// which the server chose when it made it.
(function () {
  "use strict";
  const plain = window.fetch;

  window.fetch = function (address, options) {
    const headers = new Headers(options && options.headers);
    headers.set("Accept-Language", document.documentElement.lang);
    return plain(address, Object.assign({}, options, { headers: headers }));
  };
})();
