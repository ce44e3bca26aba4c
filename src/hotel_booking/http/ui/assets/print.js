// A button that prints the page; without this script there is none, and the browser's own menu does.
for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}

// What belongs on paper is unfolded before it is printed, from the browser's menu too: of a browser that does not
// know ::details-content (Firefox before 143, Safari before 18.4) no style sheet can ask it. It stays open, as
// phones say that they have printed before they do.
addEventListener("beforeprint", () => {
  for (const part of document.querySelectorAll("details[data-printed]")) part.open = true;
});
