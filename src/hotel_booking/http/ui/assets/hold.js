// How long a room is still held, in the page's language: by the minute, announced at five and at one, and no ticking
// seconds. Without it the page says the time.
const shown = document.querySelector("[data-until]");
const left = document.querySelector("[data-left]");
const over = document.querySelector("[data-over]");
// By the server's clock: that of a device may be wrong by hours.
const ahead = Date.now() - Date.parse(shown?.dataset.now);
let said = "";

function look() {
  const minutes = Math.ceil((Date.parse(shown.dataset.until) - Date.now() + ahead) / 60000);
  if (minutes <= 0) {
    left.textContent = "";
    if (over?.hidden) {
      over.setAttribute("role", "alert"); // said by screen readers as it appears
      over.hidden = false;
      shown.parentElement.hidden = true; // nothing is held any more
    }
    return;
  }
  // The front desk's hold is a day long.
  const [number, unit] = minutes > 120 ? [Math.floor(minutes / 60), "hour"] : [minutes, "minute"];
  const time = new Intl.NumberFormat(shown.dataset.language, { style: "unit", unit, unitDisplay: "long" });
  const text = left.dataset.left.replace("{time}", time.format(number));
  left.setAttribute("aria-live", minutes === 5 || minutes === 1 ? "polite" : "off");
  if (text !== said) left.textContent = said = text;
  setTimeout(look, 5000);
}

if (shown && left) look();
