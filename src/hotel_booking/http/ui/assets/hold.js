// How long a room is still held, in the page's language: by the minute, announced at five and at one, and no ticking
// seconds. Without it the page says the time.
const shown = document.querySelector("[data-until]");
const left = document.querySelector("[data-left]");
const over = document.querySelector("[data-over]");
let said = "";

function look() {
  const minutes = Math.ceil((Date.parse(shown.dataset.until) - Date.now()) / 60000);
  if (minutes <= 0) {
    left.textContent = "";
    if (over) over.hidden = false;
    return;
  }
  const time = new Intl.NumberFormat(shown.dataset.language, { style: "unit", unit: "minute", unitDisplay: "long" });
  const text = left.dataset.left.replace("{time}", time.format(minutes));
  left.setAttribute("aria-live", minutes === 5 || minutes === 1 ? "polite" : "off");
  if (text !== said) left.textContent = said = text;
  setTimeout(look, 5000);
}

if (shown && left) look();
