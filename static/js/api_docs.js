// Starts Swagger UI on the page of the API's documentation, with the session's own CSRF token.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const place = document.getElementById("api-docs");
  SwaggerUIBundle({
    url: place.dataset.schema,
    domNode: place,
    deepLinking: true,
    docExpansion: "none",
    validatorUrl: null,
    presets: [SwaggerUIBundle.presets.apis],
    layout: "BaseLayout",
    requestInterceptor: (request) => {
      const isOurs = new URL(request.url, location.href).origin === location.origin;
      if (isOurs && request.method !== "GET") {
        request.headers["X-CSRFToken"] = place.dataset.token;
      }
      return request;
    },
  });
});
