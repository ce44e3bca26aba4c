// Passkeys: a form that says `data-passkey="get"` or `"create"` asks the server what to sign (`data-options`), the
// browser for the answer, and sends that as its field `credential`. Without WebAuthn the form stays hidden.

const toBytes = (text) =>
  Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));

const toText = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replace(/\+/g, "-")
    .replace(/\//g, "_")
    .replace(/=+$/, "");

const described = (list) => (list ?? []).map((one) => ({ ...one, id: toBytes(one.id) }));

async function create(options) {
  const made = await navigator.credentials.create({
    publicKey: {
      ...options,
      challenge: toBytes(options.challenge),
      user: { ...options.user, id: toBytes(options.user.id) },
      excludeCredentials: described(options.excludeCredentials),
    },
  });
  return {
    ...outer(made),
    response: {
      clientDataJSON: toText(made.response.clientDataJSON),
      attestationObject: toText(made.response.attestationObject),
      transports: made.response.getTransports?.() ?? [],
    },
  };
}

async function get(options) {
  const given = await navigator.credentials.get({
    publicKey: {
      ...options,
      challenge: toBytes(options.challenge),
      allowCredentials: described(options.allowCredentials),
    },
  });
  return {
    ...outer(given),
    response: {
      clientDataJSON: toText(given.response.clientDataJSON),
      authenticatorData: toText(given.response.authenticatorData),
      signature: toText(given.response.signature),
      userHandle: given.response.userHandle ? toText(given.response.userHandle) : null,
    },
  };
}

const outer = (credential) => ({
  id: credential.id,
  rawId: toText(credential.rawId),
  type: credential.type,
  clientExtensionResults: credential.getClientExtensionResults(),
});

const messages = {
  NotAllowedError: "That was cancelled or took too long. Please try again.",
  InvalidStateError: "This device already has a passkey for your account.",
  SecurityError: "Passkeys don’t work at this address of the site.",
};

function tell(form, error) {
  // A form that was sent once is held (once.js); this one may be tried again.
  delete form.dataset.sent;
  form.querySelector("button[type=submit]").removeAttribute("aria-busy");
  document.body.classList.remove("busy");
  const place = form.querySelector("[data-passkey-error]");
  // Guests' pages bring the words in their language along.
  const { cancelled, known, failed } = form.dataset;
  const own = { NotAllowedError: cancelled, InvalidStateError: known }[error.name] ?? failed;
  place.textContent = own ?? messages[error.name] ?? "That didn’t work. Please try again, or sign in another way.";
  place.hidden = false;
}

async function ask(form) {
  const answer = await fetch(form.dataset.options, { method: "POST", headers: { accept: "application/json" } });
  if (answer.redirected) {
    // The session has ended, or a proof is asked for.
    location.assign(answer.url);
    return null;
  }
  if (!answer.ok) throw new Error("refused");
  const options = await answer.json();
  return form.dataset.passkey === "create" ? create(options) : get(options);
}

if (window.PublicKeyCredential) {
  for (const form of document.querySelectorAll("form[data-passkey]")) {
    form.hidden = false;
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const button = form.querySelector("button[type=submit]");
      button.disabled = true;
      try {
        const credential = await ask(form);
        if (credential === null) return;
        form.elements.credential.value = JSON.stringify(credential);
        form.submit();
      } catch (error) {
        tell(form, error);
      } finally {
        button.disabled = false;
      }
    });
  }
}
