// Stands in for the template's src/util/api.js.

export const apiBaseUrl = () => window.location.origin;

export const initiatePrivileged = body =>
  window
    .fetch(`${apiBaseUrl()}/api/initiate-privileged`, {
      method: 'POST',
      credentials: 'include',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    })
    .then(response => response.json());
