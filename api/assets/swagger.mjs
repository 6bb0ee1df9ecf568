// Shows the document of the API; nothing is fetched from elsewhere.
window.SwaggerUIBundle({ url: "/v3/api-docs", dom_id: "#swagger-ui", deepLinking: true, validatorUrl: null });
