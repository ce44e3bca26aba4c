// A second click while the first is on its way would do it twice. On the window, behind all others, so that a script
// that sends the form by itself has had its say. A form that answers with a file (data-file) may be sent again at once. Without this script the server sees to it where it matters.
addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented) return;
  if (form.dataset.sent === "yes") return event.preventDefault();
  if (form.method !== "post" || form.hasAttribute("hx-post") || form.target || "file" in form.dataset) return;
  form.dataset.sent = "yes";
  event.submitter?.setAttribute("aria-busy", "true");
  document.body.classList.add("busy");
  setTimeout(release, 12000);
});

// The page may come back from the browser's memory, or the answer may be a file: then all is as before.
function release() {
  document.body.classList.remove("busy");
  for (const form of document.querySelectorAll('form[data-sent="yes"]')) {
    delete form.dataset.sent;
    for (const button of form.querySelectorAll('button[aria-busy="true"]')) button.removeAttribute("aria-busy");
  }
}
addEventListener("pageshow", release);
