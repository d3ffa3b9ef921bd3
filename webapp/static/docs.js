window.addEventListener("load", function () {
  "use strict";
  window.SwaggerUIBundle({
    dom_id: "#swagger-ui",
    url: "/api/openapi.json",
    deepLinking: true,
    // Both are fixed: by default one is an outside validator, the other repeats the Host.
    validatorUrl: null,
    oauth2RedirectUrl: "",
  });
});
