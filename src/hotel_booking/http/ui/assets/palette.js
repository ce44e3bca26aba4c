// Ctrl K: go anywhere or find a booking by typing. Fetched when it is first asked for.

const make = (tag, properties = {}, ...children) => {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
};

// Every place that the page links to in its navigation and its head, those that are only found here, and the searches.
function places() {
  const links = [...document.querySelectorAll(".side [data-shortcut], .page-header .actions a.button, .tabs a, .side [data-place]")];
  const named = new Map([...links].reverse().map((link) => [link.href, link])); // a place once, as it comes first
  const found = links.filter((link) => named.get(link.href) === link).map((link) => ({
    text: (link.dataset.shortcutLabel ?? link.textContent).trim(),
    keys: link.dataset.shortcut ?? "",
    icon: link.querySelector("use")?.getAttribute("href"),
    go: () => link.click(),
  }));
  const theme = document.querySelector("[data-theme-toggle]");
  if (theme) found.push({ text: "Change the theme", keys: "", icon: theme.querySelector("use")?.getAttribute("href"), go: () => theme.click() });
  return found;
}

// Letters in order, best where they begin words: "ra" finds Rates & availability.
function fits(text, typed) {
  const words = text.toLowerCase();
  if (words.startsWith(typed)) return 3;
  if (words.split(/\s+/).some((word) => word.startsWith(typed))) return 2;
  return words.includes(typed) ? 1 : 0;
}

export function open() {
  if (document.querySelector("dialog[open]")) return;
  const sprite = document.querySelector("svg.icon use")?.getAttribute("href").split("#")[0] ?? "";
  const input = make("input", { type: "text", autocomplete: "off", spellcheck: false, placeholder: "Go to a page or find a booking" });
  const list = make("ul", { id: "palette-list", className: "palette-list" });
  const said = { role: "combobox", "aria-label": "Go to a page or find a booking", "aria-expanded": "true", "aria-controls": "palette-list", "aria-autocomplete": "list" };
  for (const [name, value] of Object.entries(said)) input.setAttribute(name, value);
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", "Places");
  const dialog = make("dialog", { className: "palette" }, input, list);
  dialog.setAttribute("aria-label", "Go to");
  const all = places();
  const searches = document.querySelector('.side a[href="/admin/bookings"]');
  let shown = [];
  let at = 0;

  const draw = () => {
    const typed = input.value.trim();
    const ranked = all.map((place) => [fits(place.text, typed.toLowerCase()), place]).filter(([rank]) => !typed || rank);
    shown = ranked.sort(([one], [other]) => other - one).map(([, place]) => place).slice(0, 9);
    if (typed && searches) {
      const go = () => location.assign(`/admin/bookings?q=${encodeURIComponent(typed)}`);
      shown.push({ text: `Find bookings for “${typed}”`, keys: "", icon: `${sprite}#search`, go });
    }
    at = 0;
    list.replaceChildren(...shown.map((place, index) => {
      const mark = document.createElementNS("http://www.w3.org/2000/svg", "svg");
      mark.setAttribute("class", "icon");
      mark.setAttribute("aria-hidden", "true");
      const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
      use.setAttribute("href", place.icon ?? `${sprite}#arrow-right`);
      mark.append(use);
      const line = make("li", { id: `palette-${index}`, onclick: () => choose(index), onmousemove: () => point(index) }, mark, make("span", { textContent: place.text }));
      line.setAttribute("role", "option");
      if (place.keys) line.append(...place.keys.split(" ").map((key, n) => make("kbd", { textContent: key, className: n ? "" : "push" })));
      return line;
    }));
    if (!shown.length) list.append(make("li", { className: "muted", role: "option", textContent: "Nothing found" }));
    point(0);
  };
  const point = (index) => {
    at = index;
    [...list.children].forEach((line, number) => line.setAttribute("aria-selected", String(number === at)));
    if (shown.length) input.setAttribute("aria-activedescendant", `palette-${at}`);
    else input.removeAttribute("aria-activedescendant");
    list.children[at]?.scrollIntoView({ block: "nearest" });
  };
  const choose = (index) => {
    const place = shown[index];
    if (!place) return;
    dialog.close();
    place.go();
  };

  input.addEventListener("input", draw);
  input.addEventListener("keydown", (event) => {
    const steps = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (steps && shown.length) {
      event.preventDefault();
      point((at + steps + shown.length) % shown.length);
    }
    if (event.key === "Enter") {
      event.preventDefault();
      choose(at);
    }
  });
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  dialog.addEventListener("close", () => dialog.remove());
  draw();
  document.body.append(dialog);
  document.querySelector(".side:popover-open")?.hidePopover();
  dialog.showModal();
  input.focus();
}
