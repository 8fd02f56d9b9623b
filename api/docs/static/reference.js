// Shows this server's own OpenAPI document. `validatorUrl: null` keeps Swagger UI from asking its public validator.
// Its groups are closed at first: to draw a hundred operations takes seconds, and again with each that is opened.
SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#reference",
  deepLinking: true,
  displayRequestDuration: true,
  docExpansion: "none",
  defaultModelsExpandDepth: 0,
  persistAuthorization: false,
  tryItOutEnabled: false,
  validatorUrl: null,
});
