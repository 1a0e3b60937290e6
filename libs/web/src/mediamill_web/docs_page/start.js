// Shows the description of the API that serves this page; it can be tried out with the session of this browser.

SwaggerUIBundle({ url: "/openapi.json", dom_id: "#api", deepLinking: true });
