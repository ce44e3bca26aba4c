// What was typed comes back to its form when something comes between: another language or currency is chosen, or one
// has to sign in, or prove again who one is, before the form is taken. It is kept in this tab alone, until the next
// page that is no step of signing in, for half an hour at most. Passwords, codes, cards and files are never kept.
// Who leaves the details of a checkout to look at another room finds them in the next checkout; also who sent them where
// no answer came, on a train or from a server that is down, and goes back.
// Without this script the page is as the server writes it.

const KEPT = "typed";
const UNSENT = "typed-checkout";
const LONGEST_MS = 30 * 60 * 1000;
const SWITCH = 'a[href^="/language/"], a[href^="/currency/"], a[href*="/account/sign-in"]';
const STEP = /^\/admin\/(sign-in|confirm)(\/|$)|^\/account\/sign-in(\/|$)/;
// The language is no part of a page's or a form's address: the same form is meant in each.
// Nor is the offer that is being booked.
const plain = (address) => address.replace(/^\/(en|de|fr|es|ar)(?=\/|$)/, "").replace(/^\/book\/[0-9a-f-]{36}$/, "/book");
const here = plain(location.pathname) + location.search;
const reader = document.querySelector('meta[name="reader"]')?.content ?? "";
const step = STEP.test(plain(location.pathname));

const SECRET = new Set(["password", "file", "submit", "button", "image", "reset"]);
const SECRET_USE = /^(cc-|one-time-code|current-password|new-password)/;
// Of what is hidden only the state that was edited is kept: who was faster is told, not overwritten.
// So is the place that was chosen for the text that a search box holds.
const STATE = /^(version$|was-|at$)/;
const keeps = (field) =>
  field.name && !SECRET.has(field.type) && !SECRET_USE.test(field.autocomplete ?? "") && (field.type !== "hidden" || STATE.test(field.name));
const ticked = (field) => field.type === "checkbox" || field.type === "radio";
// Empty as it came: what the server knows by then, as of who has signed in, is not emptied.
const untouched = (field) =>
  field.value === "" && !ticked(field) && field.type !== "hidden" && (field.tagName === "SELECT" ? ([...field.options].find((one) => one.defaultSelected) ?? field.options[0])?.value === "" : field.defaultValue === "");
const addressed = (form) => plain(new URL(form.getAttribute("action") || location.href, location.href).pathname);
const FORMS = 'main form[method="post"]:not([data-stripe-key], [data-goes-on]), main :is(.search-box, .stay-form)';
const forms = () => [...document.querySelectorAll(FORMS)];

function read(name = KEPT) {
  try {
    const kept = JSON.parse(sessionStorage.getItem(name));
    return kept && Date.now() - kept.at < LONGEST_MS ? kept : null;
  } catch {
    return null;
  }
}

function write(kept, name = KEPT) {
  try {
    if (kept) sessionStorage.setItem(name, JSON.stringify(kept));
    else sessionStorage.removeItem(name);
  } catch {
    // No storage, or it is full: the form comes back empty.
  }
}

function keep(which, between, name = KEPT, more = {}) {
  const typed = which.map((form) => ({
    to: addressed(form),
    fields: [...form.elements].filter(keeps).map((field) => [
      field.name,
      field.type === "select-multiple" ? [...field.selectedOptions].map((option) => option.value) : untouched(field) ? null : field.value,
      ticked(field) ? field.checked : null,
    ]),
  }));
  write({ page: here, reader, at: Date.now(), between, forms: typed, ...more }, name);
}

function fill(form, fields) {
  const seen = new Map();
  for (const [name, value, checked] of fields) {
    const alike = [...form.elements].filter((field) => field.name === name && keeps(field));
    if (checked !== null) {
      const box = alike.find((field) => ticked(field) && field.value === value);
      if (box) set(box, "checked", checked);
      continue;
    }
    // Fields of one name are filled in their order.
    const number = seen.get(name) ?? 0;
    seen.set(name, number + 1);
    const field = alike.filter((one) => !ticked(one))[number];
    if (!field || value === null) continue;
    if (field.type === "select-multiple") for (const option of field.options) option.selected = value.includes(option.value);
    else if (field.tagName === "SELECT" && ![...field.options].some((option) => option.value === value)) continue;
    else set(field, "value", value);
  }
}

function set(field, property, value) {
  if (field[property] === value) return;
  field[property] = value;
  for (const kind of ["input", "change"]) field.dispatchEvent(new Event(kind, { bubbles: true }));
}

function bring(kept) {
  const left = forms();
  let found = false;
  for (const { to, fields } of kept.forms) {
    const form = left.find((one) => addressed(one) === to);
    if (!form) continue;
    left.splice(left.indexOf(form), 1);
    fill(form, fields);
    found = true;
  }
  return found;
}

// Who signs in after somebody else has gone finds nothing of theirs.
const kept = read();
const ours = (one) => !one.reader || one.reader === reader;
const back = kept?.between && kept.page === here && ours(kept);
if (back || !kept || !step) write(null);
else write({ ...kept, between: true });
export const brought = Boolean(back) && bring(kept);

document.addEventListener("click", (event) => {
  const leaving = event.target.closest?.(SWITCH);
  // On a step of signing in what waits for its page goes before what is typed here.
  if (leaving && !event.ctrlKey && !event.metaKey && !event.shiftKey && !(step && read())) keep(forms(), true);
});

// Whether the server takes it, or asks first who one is, the page that comes next tells.
addEventListener("submit", (event) => {
  const form = event.target;
  if (step || event.defaultPrevented || !forms().includes(form)) return;
  if (/^\/(admin|account)(\/|$)/.test(plain(location.pathname))) keep([form], false);
});

if (plain(location.pathname) === "/book") {
  const unsent = read(UNSENT);
  if (unsent && !brought && ours(unsent)) bring(unsent);
  write(null, UNSENT);
  let sent = false;
  addEventListener("submit", (event) => (sent ||= !event.defaultPrevented));
  addEventListener("pageshow", () => (sent = false));
  addEventListener("pagehide", () => keep(forms(), false, UNSENT, { sent }));
} else if (/^\/booking\/[^/]+/.test(location.pathname.slice(3)) && read(UNSENT)?.sent) {
  write(null, UNSENT); // they have arrived
}
