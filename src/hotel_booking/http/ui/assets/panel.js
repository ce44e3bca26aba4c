// What the panel does beyond plain pages. Everything here is a convenience: every page works without it.

import "./menus.js";
import { brought } from "./typed.js";
import "./once.js";

const root = document.documentElement;
const make = (tag, properties = {}, ...children) => {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
};

// Theme: as the system says, or as chosen; theme.js applies it before the first paint.
const THEMES = ["system", "light", "dark"];
const chosen = () => root.dataset.theme ?? "system";
function showTheme() {
  for (const name of document.querySelectorAll("[data-theme-name]")) {
    name.textContent = { system: "System", light: "Light", dark: "Dark" }[chosen()];
    const toggle = name.closest("[data-theme-toggle]");
    toggle.setAttribute("aria-label", `Theme: ${chosen()}. Change it`);
    toggle.hidden = false;
  }
}
function nextTheme() {
  const theme = THEMES[(THEMES.indexOf(chosen()) + 1) % THEMES.length];
  if (theme === "system") delete root.dataset.theme;
  else root.dataset.theme = theme;
  try {
    localStorage.setItem("theme", theme);
  } catch {
    // It holds for this page only.
  }
  showTheme();
  document.dispatchEvent(new CustomEvent("themechange"));
}

// Short words at the foot of the window.
export function toast(text) {
  let shelf = document.querySelector(".toasts");
  if (!shelf) document.body.append((shelf = make("div", { className: "toasts", role: "status" })));
  const line = make("div", { className: "toast", textContent: text });
  shelf.append(line);
  setTimeout(() => line.remove(), 6000);
}

// A dialog that asks, for buttons with data-confirm. Enter confirms, Escape leaves.
export function ask(question, label, dangerous) {
  return new Promise((answer) => {
    const yes = make("button", { className: dangerous ? "button danger solid" : "button primary", value: "yes", textContent: label });
    const no = make("button", { className: "button secondary", value: "", textContent: "Cancel", formNoValidate: true });
    const [, head, rest] = /^(.*?[?.!])\s*(.*)$/s.exec(question) ?? [null, question, ""];
    const form = make("form", { method: "dialog" }, make("h2", { id: "ask-title", textContent: head }));
    if (rest) form.append(make("p", { textContent: rest }));
    form.append(make("div", { className: "form-actions" }, no, yes));
    const dialog = make("dialog", {}, form);
    dialog.setAttribute("aria-labelledby", "ask-title");
    dialog.addEventListener("close", () => {
      dialog.remove();
      answer(dialog.returnValue === "yes");
    });
    document.body.append(dialog);
    dialog.showModal();
    yes.focus();
  });
}

document.addEventListener("submit", async (event) => {
  const form = event.target;
  const button = event.submitter;
  const question = button?.dataset.confirm ?? form.dataset.confirm;
  if (question && form.dataset.confirmed !== "yes") {
    event.preventDefault();
    event.stopImmediatePropagation();
    if (await ask(question, button?.textContent.trim() || "Yes", button?.classList.contains("danger"))) {
      form.dataset.confirmed = "yes";
      form.requestSubmit(button);
    }
    return;
  }
  delete form.dataset.confirmed;
}, { capture: true });

document.addEventListener("click", async (event) => {
  const target = event.target.closest?.("[data-theme-toggle], [data-copy], [data-open], [data-close], [data-help], [data-find]");
  if (!target) return;
  if (target.matches("[data-theme-toggle]")) nextTheme();
  if (target.matches("[data-help]")) showHelp();
  if (target.matches("[data-find]")) find();
  if (target.matches("[data-open]")) document.getElementById(target.dataset.open)?.showModal();
  if (target.matches("[data-close]")) target.closest("dialog")?.close();
  if (target.matches("[data-copy]")) {
    const source = document.getElementById(target.dataset.copy);
    await navigator.clipboard.writeText(source.textContent.trim());
    toast("Copied.");
  }
});

// Keys: g and a letter go somewhere, / searches, ? tells.
let before = "";
const typing = (element) => element?.closest?.("input, textarea, select, [contenteditable], [role=grid]");
document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k" && document.querySelector("[data-find]")) {
    event.preventDefault();
    return find();
  }
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (typing(event.target) || document.querySelector("dialog[open]")) return;
  if (event.key === "?") return showHelp();
  if (event.key === "/") {
    const search = document.querySelector('main input[type="search"], main input[name="q"]');
    if (search) {
      event.preventDefault();
      search.focus();
      search.select();
    }
    return;
  }
  const keys = before ? `${before} ${event.key}` : event.key;
  before = event.key === "g" ? "g" : "";
  if (before) setTimeout(() => (before = ""), 2000);
  const link = document.querySelector(`[data-shortcut="${CSS.escape(keys).replaceAll("\\", "")}"]`);
  if (link) {
    event.preventDefault();
    link.click();
  }
});

async function find() {
  const { open } = await import("./palette.js");
  open();
}

function showHelp() {
  const list = make("dl", { className: "details" });
  const line = (keys, text) => {
    const shown = make("dt");
    for (const key of keys.split(" ")) shown.append(make("kbd", { textContent: key }), " ");
    list.append(shown, make("dd", { textContent: text }));
  };
  if (document.querySelector('main input[type="search"], main input[name="q"]')) line("/", "Search this page");
  for (const link of document.querySelectorAll("[data-shortcut]")) line(link.dataset.shortcut, link.dataset.shortcutLabel ?? link.textContent.trim());
  if (document.querySelector("[data-find]")) line("Ctrl K", "Go to a page or find a booking");
  line("?", "This list");
  const close = make("button", { className: "button secondary", textContent: "Close" });
  const form = make("form", { method: "dialog" }, make("h2", { id: "help-title", textContent: "Keys" }), list, make("div", { className: "form-actions" }, close));
  const dialog = make("dialog", {}, form);
  dialog.setAttribute("aria-labelledby", "help-title");
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

// Files can be dropped where they can be chosen, and are named before they are sent.
document.addEventListener("dragover", (event) => {
  const drop = event.target.closest?.(".drop");
  if (drop) {
    event.preventDefault();
    drop.classList.add("over");
  }
});
document.addEventListener("dragleave", (event) => event.target.closest?.(".drop")?.classList.remove("over"));
document.addEventListener("drop", (event) => {
  const drop = event.target.closest?.(".drop");
  const input = drop?.querySelector("input[type=file]");
  if (!input) return;
  event.preventDefault();
  drop.classList.remove("over");
  input.files = event.dataTransfer.files;
  input.dispatchEvent(new Event("change", { bubbles: true }));
});

// A file that is too large is told before it is sent, and the form keeps what was typed.
document.addEventListener("change", (event) => {
  const input = event.target;
  if (!input.matches?.("input[type=file][data-most]")) return;
  const over = [...input.files].some((file) => file.size > Number(input.dataset.most));
  input.setCustomValidity(over ? input.dataset.over : "");
  if (over) input.reportValidity();
});

// Requests by htmx: a thread along the top, a word when they fail.
let waiting = 0;
document.addEventListener("htmx:beforeRequest", () => document.body.classList.toggle("busy", ++waiting > 0));
document.addEventListener("htmx:afterRequest", () => document.body.classList.toggle("busy", --waiting > 0));
document.addEventListener("htmx:sendError", () => toast("You are offline. Nothing was changed."));
document.addEventListener("htmx:responseError", (event) => {
  const status = event.detail.xhr.status;
  if (status === 401) return location.reload();
  toast(status >= 500 ? "Something went wrong. Please try again in a moment." : "That wasn’t possible. Reload the page to see why.");
});

// What is shown once can be copied with one press.
function addCopying(part) {
  const sprite = document.querySelector("svg.icon use")?.getAttribute("href").split("#")[0];
  for (const code of part.querySelectorAll(".secret > code[id]")) {
    if (code.parentElement.querySelector("[data-copy]") || !navigator.clipboard) continue;
    const button = make("button", { type: "button", className: "button secondary", textContent: "Copy" });
    button.dataset.copy = code.id;
    if (sprite) {
      const mark = document.createElementNS("http://www.w3.org/2000/svg", "svg");
      mark.setAttribute("class", "icon");
      mark.setAttribute("aria-hidden", "true");
      mark.append(document.createElementNS("http://www.w3.org/2000/svg", "use"));
      mark.firstChild.setAttribute("href", `${sprite}#copy`);
      button.prepend(mark);
    }
    code.after(button);
  }
}

// A table that is wider than its card is scrolled by the keyboard too, and only then stops at it.
const wide = new ResizeObserver((seen) => {
  for (const { target } of seen) {
    if (target.scrollWidth > target.clientWidth) target.tabIndex = 0;
    else target.removeAttribute("tabindex");
  }
});

async function prepare(part) {
  addCopying(part);
  for (const wrap of part.querySelectorAll(".table-wrap")) wide.observe(wrap);
  if (part.querySelector("[data-chart]")) {
    const { draw } = await import("./charts.js");
    for (const chart of part.querySelectorAll("[data-chart]")) draw(chart);
  }
}
document.addEventListener("htmx:load", (event) => prepare(event.detail.elt));

// Tabs and filters that run off the screen begin at where one is.
document.querySelector(".tabs [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
showTheme();
for (const button of document.querySelectorAll("[data-find]")) {
  button.hidden = false;
  if (/Mac|iPhone|iPad/.test(navigator.platform)) button.querySelector("kbd").textContent = "⌘ K";
}
prepare(document);
if (brought) toast("What you typed is back in the form.");
// After a form came back: at what is wrong.
(document.querySelector('main form [aria-invalid="true"]') ?? document.querySelector('main form .alert.danger[tabindex="-1"]'))?.focus();
