// Suggests places and hotels while somebody types a destination: a combobox with a list, by the pattern of WAI-ARIA.
// What is chosen goes along as `at`, so that of two towns of one name the right one is meant. Without it the field
// takes any name.
const field = document.querySelector("[data-places]");
const at = field?.form.elements.at;
const list = document.getElementById("search-places");
const said = document.querySelector("[data-places-said]");
let timer = 0;
let asked = 0;
let active = -1;

const options = () => [...list.children];

function shut() {
  asked += 1; // an answer that is still on its way comes too late
  clearTimeout(timer);
  list.hidden = true;
  active = -1;
  field.setAttribute("aria-expanded", "false");
  field.removeAttribute("aria-activedescendant");
}

function point(index) {
  const all = options();
  active = index;
  all.forEach((one, place) => one.setAttribute("aria-selected", String(place === index)));
  if (index < 0) return field.removeAttribute("aria-activedescendant");
  field.setAttribute("aria-activedescendant", all[index].id);
  all[index].scrollIntoView({ block: "nearest" });
}

function choose(option) {
  field.value = option.dataset.name;
  at.value = option.dataset.key;
  shut();
}

function line(hit, index) {
  const option = document.createElement("li");
  option.id = `search-place-${index}`;
  option.setAttribute("role", "option");
  option.setAttribute("aria-selected", "false");
  option.dataset.key = hit.key;
  option.dataset.name = hit.name;
  for (const [tag, text] of [["span", hit.name], ["small", hit.detail]]) {
    const part = document.createElement(tag);
    part.textContent = text;
    part.dir = "auto";
    option.append(part, " ");
  }
  return option;
}

async function suggest() {
  const text = field.value.trim();
  if (!text) return shut();
  const mine = (asked += 1);
  try {
    const answer = await fetch(`${field.dataset.places}?q=${encodeURIComponent(text)}`);
    if (!answer.ok) return;
    const hits = (await answer.json()).places;
    if (mine !== asked || document.activeElement !== field) return;
    list.replaceChildren(...hits.map(line));
    list.hidden = hits.length === 0;
    field.setAttribute("aria-expanded", String(hits.length > 0));
    point(-1);
    said.textContent = said.dataset[hits.length ? "some" : "none"].replace("{number}", hits.length.toLocaleString(document.documentElement.lang));
  } catch {
    // There is no connection: no suggestions then.
  }
}

if (field) {
  for (const [name, value] of Object.entries({ role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": list.id })) field.setAttribute(name, value);
  field.addEventListener("input", () => {
    at.value = "";
    clearTimeout(timer);
    timer = setTimeout(suggest, 150);
  });
  field.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    const count = list.hidden ? 0 : options().length;
    if (event.key === "ArrowDown" && !count && field.value.trim()) {
      event.preventDefault();
      suggest();
    } else if (count && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      event.preventDefault();
      // One place above the first and below the last is the field itself.
      point(((active + 1 + (event.key === "ArrowDown" ? 1 : -1) + count + 1) % (count + 1)) - 1);
    } else if (event.key === "Enter" && count && active >= 0) {
      event.preventDefault();
      choose(options()[active]);
    } else if (event.key === "Escape" && count) {
      event.preventDefault();
      shut();
    }
  });
  field.addEventListener("blur", shut);
  // The field keeps the focus while the list is pressed.
  list.addEventListener("pointerdown", (event) => event.preventDefault());
  list.addEventListener("click", (event) => {
    const option = event.target.closest("[role=option]");
    if (option) choose(option);
  });
}
