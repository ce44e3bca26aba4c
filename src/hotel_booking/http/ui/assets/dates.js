// The stay picker: a dialog over the two date fields, by the pattern of WAI-ARIA for date pickers. The server draws the
// months with the lowest price of each night; here is only what moves. Without it the two fields do.
const opener = document.querySelector("[data-dates]");
const dialog = document.querySelector("dialog.dates");
const form = opener?.form;
const wide = matchMedia("(width >= 48rem)");
// English is written as in Britain on every page.
const language = document.documentElement.lang.replace(/^en$/, "en-GB");
const rtl = document.documentElement.dir === "rtl";
const MOVES = { ArrowUp: -7, ArrowDown: 7, ArrowLeft: rtl ? 1 : -1, ArrowRight: rtl ? -1 : 1 };
let arrival = "";
let departure = "";
let shown = "";
// Months come over a line that may be slow: of several that were asked for the last one counts, and the keys count from
// the day that is on its way.
let latest = 0;
let coming = "";

const said = dialog?.querySelector("[data-said]");
const place = dialog?.querySelector("[data-months]");
const iso = (day) => day.toISOString().slice(0, 10);
const plus = (text, days) => { const day = new Date(`${text}T00:00Z`); day.setUTCDate(day.getUTCDate() + days); return iso(day); };
const months = (text, count) => {
  const day = new Date(`${text}T00:00Z`), date = day.getUTCDate();
  day.setUTCDate(1);
  day.setUTCMonth(day.getUTCMonth() + count);
  const last = new Date(Date.UTC(day.getUTCFullYear(), day.getUTCMonth() + 1, 0)).getUTCDate();
  day.setUTCDate(Math.min(date, last));
  return iso(day);
};
const button = (day) => place.querySelector(`[data-day="${day}"]`);
// The first of a month is 1er in French, which browsers do not write.
const first = (text) => (language.startsWith("fr") ? text.replace(/\b1(?= \p{L})/u, "1er") : text);
const named = (day) => first(new Intl.DateTimeFormat(language, { dateStyle: "full", timeZone: "UTC" }).format(new Date(`${day}T00:00Z`)));
const days = () => [...place.querySelectorAll("[data-day]:enabled")].filter(seen);
const seen = (one) => one && one.offsetParent !== null && !one.disabled;

function tell(name) {
  const days = { day: arrival, arrival, departure };
  said.textContent = said.dataset[name].replace(/\{(\w+)\}/g, (_, what) => (days[what] ? named(days[what]) : ""));
}

function mark() {
  for (const one of place.querySelectorAll("[data-day]")) {
    const day = one.dataset.day;
    const end = day === arrival || day === departure;
    one.parentElement.setAttribute("aria-selected", String(end));
    one.classList.toggle("end", end);
    one.classList.toggle("within", Boolean(arrival && departure && arrival < day && day < departure));
  }
}

function focus(day) {
  for (const one of place.querySelectorAll('[tabindex="0"]')) one.tabIndex = -1;
  const one = seen(button(day)) ? button(day) : days()[0];
  if (!one) return;
  one.tabIndex = 0;
  one.focus();
}

async function show(month, day) {
  const fields = new URLSearchParams(new FormData(form));
  for (const name of ["arrival", "departure"]) fields.delete(name);
  fields.set("month", month.slice(0, 7));
  const mine = ++latest;
  coming = day ?? "";
  place.ariaBusy = "true";
  try {
    const answer = await fetch(`${opener.dataset.dates}?${fields}`, { signal: AbortSignal.timeout(20000) });
    if (!answer.ok) throw new Error(String(answer.status));
    const drawn = await answer.text();
    if (mine !== latest) return;
    place.innerHTML = drawn;
    shown = month;
  } catch {
    if (mine !== latest) return;
    here();
    said.textContent = said.dataset.failed;
    return;
  }
  here();
  mark();
  if (day) focus(day);
}

function here() {
  coming = "";
  place.ariaBusy = "false";
}

function stay() {
  if (!coming) return;
  latest++;
  here();
}

async function go(day) {
  const one = button(day);
  if (seen(one)) {
    stay();
    return focus(day);
  }
  if (one?.disabled) return;
  const nav = place.querySelector(".dates-nav").dataset;
  const forward = day > shown;
  if (forward ? nav.after : nav.before) await show(forward && wide.matches ? months(`${day.slice(0, 7)}-01`, -1) : day, day);
}

// Where nothing that is shown is left to be chosen, as on a phone in the last days of a month, the next month.
function onward() {
  if (departure) return;
  const left = (one) => (arrival ? one.dataset.day > arrival : one.dataset.none === undefined);
  const last = days().at(-1)?.dataset.day;
  if (last && !days().some(left)) go(plus(last, 1));
}

function choose(day) {
  if (!arrival || departure || day <= arrival) {
    [arrival, departure] = [day, ""];
    tell("departure");
    mark();
    onward();
    return;
  }
  departure = day;
  tell("done");
  form.elements.arrival.value = arrival;
  form.elements.departure.value = departure;
  dialog.close();
}

if (opener && dialog) {
  opener.parentElement.hidden = false;
  opener.addEventListener("click", async () => {
    arrival = form.elements.arrival.value;
    departure = form.elements.departure.value;
    dialog.showModal();
    tell(arrival && !departure ? "departure" : "arrival");
    // Today as the server says it: the browser may stand in another day.
    const day = arrival || form.elements.arrival.min || iso(new Date());
    await show(day, day);
    onward();
  });
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog || event.target.closest("[data-close]")) return dialog.close();
    const to = event.target.closest("[data-go]")?.dataset.go;
    if (to) show(place.querySelector(".dates-nav").dataset[to]).then(() => place.querySelector(`[data-go="${to}"]`)?.focus());
    const day = event.target.closest("[data-day]")?.dataset.day;
    // A key that chooses means the day that is coming, and is pressed again once it is there.
    if (!day || (coming && event.detail === 0)) return;
    stay();
    focus(day);
    choose(day);
  });
  dialog.addEventListener("keydown", (event) => {
    if (!event.target.dataset?.day) return;
    const day = coming || event.target.dataset.day;
    const row = [...event.target.closest("tr").querySelectorAll("[data-day]:enabled")];
    let to = event.key in MOVES ? plus(day, MOVES[event.key]) : "";
    if (event.key === "Home") to = row[0].dataset.day;
    if (event.key === "End") to = row.at(-1).dataset.day;
    if (event.key === "PageUp") to = months(day, event.shiftKey ? -12 : -1);
    if (event.key === "PageDown") to = months(day, event.shiftKey ? 12 : 1);
    if (!to) return;
    event.preventDefault();
    go(to);
  });
  dialog.addEventListener("close", () => opener.focus());
}
