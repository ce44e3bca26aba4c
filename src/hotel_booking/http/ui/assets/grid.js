// The rates grid as a spreadsheet: arrows, ranges, typing, filling, copy and paste, undo of what is not saved.
// The page is a plain table in a form; without this script each row links to a page that edits it night by night.
// A cell's data-v is its value as the server writes it; without one it can only be read.

import { readMoney } from "./amounts.js";

const form = document.querySelector("[data-grid]");
if (form) start(form);

function start(form) {
  const table = form.querySelector(".rate-grid");
  const scroller = form.querySelector(".rate-scroll");
  const bar = form.querySelector(".rate-bar");
  const say = form.querySelector("[data-say]");
  const dialog = document.getElementById("rule-dialog");
  const money = JSON.parse(form.dataset.money);
  const nights = [...table.querySelectorAll("thead [data-n]")].map((head) => head.dataset.n);
  const mayEdit = bar !== null;

  let rows = []; // of the cells that are shown: rows[y][x]
  const place = new Map(); // cell -> [y, x]
  const loaded = new Map(); // changed cell -> the value it was loaded with
  const handed = new WeakMap(); // cell -> marks that it inherits
  let past = []; // batches of [cell, from, to]
  let future = [];
  let [y, x] = [0, 0]; // where the focus is
  let [ay, ax] = [0, 0]; // where the selection began
  let selected = new Set();
  let editor = null;
  let leaving = false;

  const cellAt = (row, column) => rows[row]?.[column];
  const line = (cell) => cell.parentElement;
  const kindOf = (cell) => line(cell).dataset.c ?? "";
  const editable = (cell) => mayEdit && cell?.dataset.v !== undefined;

  function lay() {
    rows = [];
    place.clear();
    for (const body of table.tBodies) {
      if (body.hidden) continue;
      for (const row of body.rows) {
        const cells = [...row.querySelectorAll("td")];
        if (!cells.length) continue;
        cells.forEach((cell, column) => place.set(cell, [rows.length, column]));
        rows.push(cells);
      }
    }
  }

  // Where one is ---------------------------------------------------------------------------------

  function select() {
    const now = new Set();
    if (ay !== y || ax !== x) {
      for (let row = Math.min(ay, y); row <= Math.max(ay, y); row++) {
        for (let column = Math.min(ax, x); column <= Math.max(ax, x); column++) now.add(cellAt(row, column));
      }
    }
    for (const cell of selected) if (!now.has(cell)) cell.removeAttribute("aria-selected");
    for (const cell of now) if (!selected.has(cell)) cell.setAttribute("aria-selected", "true");
    selected = now;
    tell();
  }

  function go(row, column, { extend = false, focus = true } = {}) {
    cellAt(y, x)?.setAttribute("tabindex", "-1");
    y = Math.max(0, Math.min(rows.length - 1, row));
    x = Math.max(0, Math.min(nights.length - 1, column));
    if (!extend) [ay, ax] = [y, x];
    const cell = cellAt(y, x);
    cell.setAttribute("tabindex", "0");
    if (focus) {
      cell.focus({ preventScroll: true });
      cell.scrollIntoView({ block: "nearest", inline: "nearest" });
    }
    select();
  }

  // What an action is about: the selection, or the one cell.
  const chosen = () => (selected.size ? [...selected] : [cellAt(y, x)]);

  function tell() {
    if (!mayEdit) return;
    const changed = loaded.size;
    bar.classList.toggle("idle", changed === 0 && selected.size < 2 && past.length === 0);
    bar.querySelector("[data-changed]").textContent =
      changed === 0 ? "No changes yet" : changed === 1 ? "1 value changed" : `${changed} values changed`;
    const wide = Math.abs(ax - x) + 1;
    const high = Math.abs(ay - y) + 1;
    bar.querySelector("[data-selected]").textContent =
      selected.size > 1 ? `${wide} ${wide === 1 ? "night" : "nights"} × ${high} ${high === 1 ? "row" : "rows"} selected` : "";
    bar.querySelector("[type=submit]").disabled = changed === 0;
    bar.querySelector("[data-discard]").disabled = changed === 0;
    bar.querySelector("[data-undo]").disabled = past.length === 0;
    const link = bar.querySelector("[data-bulk-link]");
    const address = new URLSearchParams({ first: nights[Math.min(ax, x)], last: nights[Math.max(ax, x)] });
    for (const code of new Set(chosen().map((cell) => line(cell).parentElement.dataset.t))) address.append("types", code);
    for (const code of new Set(chosen().map((cell) => line(cell).dataset.p).filter(Boolean))) address.append("plans", code);
    link.href = `${form.dataset.bulk}?${address}`;
  }

  const announce = (text) => {
    if (say) say.textContent = text;
  };

  // Values ---------------------------------------------------------------------------------------

  let wrong = ""; // what the last price that was refused should have been

  // A typed text as the server writes it; null where it is none.
  function parse(kind, text) {
    text = text.trim();
    if (kind === "rules") return tidy(text);
    if (kind === "overbooking_limit") {
      if (text === "") return "0";
      return /^\d{1,5}$/.test(text) && Number(text) <= 10000 ? String(Number(text)) : null;
    }
    if (text === "" || text === "—" || text === "-") return "";
    try {
      const value = readMoney(text, money);
      wrong = value.startsWith("-") || value.split(".")[0].length > 10 ? `${text} is not a price` : "";
      return wrong ? null : value;
    } catch (error) {
      wrong = error.message;
      return null;
    }
  }

  const TOKENS = ["closed", "noarr", "nodep", "arr", "thru", "max"];
  function rule(text) {
    const said = {};
    for (const token of text.split(/\s+/).filter(Boolean)) {
      const [, name, number] = /^([a-z]+?)(\d*)$/.exec(token) ?? [];
      if (!TOKENS.includes(name)) return null;
      if (name.length > 4 === (number !== "")) return null;
      if (number !== "" && !(Number(number) >= 1 && Number(number) <= 366)) return null;
      said[name] = number === "" ? true : Number(number);
    }
    return said;
  }
  const write = (said) =>
    TOKENS.filter((name) => said[name]).map((name) => (said[name] === true ? name : `${name}${said[name]}`)).join(" ");
  function tidy(text) {
    const said = rule(text);
    return said === null ? null : write(said);
  }

  const MARKS = {
    closed: () => ["shut", "closed", "closed"],
    noarr: () => ["no", "no in", "no arrival"],
    nodep: () => ["no", "no out", "no departure"],
    arr: (n) => ["min", `in ${n}+`, `min stay ${n} ${n === 1 ? "night" : "nights"} on arrival`],
    thru: (n) => ["min", `${n}+`, `min stay ${n} ${n === 1 ? "night" : "nights"} through this night`],
    max: (n) => ["max", `≤ ${n}`, `max stay ${n} ${n === 1 ? "night" : "nights"} on arrival`],
  };

  function show(cell) {
    const kind = kindOf(cell);
    const value = cell.dataset.v;
    const words = [];
    cell.classList.toggle("dirty", loaded.has(cell));
    if (kind === "rules") {
      if (!handed.has(cell)) handed.set(cell, [...cell.querySelectorAll(".inherited")]);
      const said = rule(value) ?? {};
      const marks = TOKENS.filter((name) => said[name]).map((name) => {
        const [css, text, does] = MARKS[name](said[name]);
        words.push(does);
        const mark = document.createElement("i");
        mark.className = `mark ${css}`;
        mark.textContent = text;
        return mark;
      });
      cell.replaceChildren(...marks, ...handed.get(cell));
      if (!words.length) words.push("no restriction");
    } else if (kind === "price") {
      cell.textContent = value === "" ? "—" : value.replace(/\.0+$/, "");
      cell.classList.toggle("none", value === "");
      if (value === "") words.push("no price");
    } else {
      cell.textContent = value;
      cell.classList.toggle("zero", value === "0");
    }
    cell.title = words.join(", ");
    if (loaded.has(cell)) words.push("changed, not saved");
    if (words.length) {
      const label = document.createElement("span");
      label.className = "visually-hidden";
      label.textContent = words.join(", ");
      cell.append(label);
    }
  }

  function put(cell, value) {
    if (!loaded.has(cell)) loaded.set(cell, cell.dataset.v);
    if (loaded.get(cell) === value) loaded.delete(cell);
    cell.dataset.v = value;
    show(cell);
  }

  // Set cells as one step that can be undone; pairs of cell and value.
  function set(pairs) {
    const batch = pairs.filter(([cell, value]) => editable(cell) && value !== null && cell.dataset.v !== value).map(([cell, value]) => [cell, cell.dataset.v, value]);
    if (!batch.length) return 0;
    for (const [cell, , value] of batch) put(cell, value);
    past.push(batch);
    future = [];
    tell();
    announce(batch.length === 1 ? "1 value changed" : `${batch.length} values changed`);
    return batch.length;
  }

  function back(from, to, index) {
    const batch = from.pop();
    if (!batch) return announce("Nothing to undo");
    for (const entry of batch) put(entry[0], entry[index]);
    to.push(batch);
    const at = place.get(batch[0][0]);
    if (at) go(...at);
    tell();
    announce(`${batch.length === 1 ? "1 value" : `${batch.length} values`} ${index === 1 ? "as before" : "changed again"}`);
  }
  const undo = () => back(past, future, 1);
  const redo = () => back(future, past, 2);

  // Editing --------------------------------------------------------------------------------------

  function edit(typed) {
    const cell = cellAt(y, x);
    if (!editable(cell)) return announce("This can’t be changed here");
    if (kindOf(cell) === "rules") return restrict();
    const kind = kindOf(cell);
    editor = document.createElement("input");
    editor.className = "rate-input";
    editor.value = typed ?? (kind === "price" ? cell.dataset.v.replace(/\.0+$/, "") : cell.dataset.v);
    editor.inputMode = kind === "price" ? "decimal" : "numeric";
    editor.maxLength = 30;
    editor.setAttribute("aria-label", `${line(cell).querySelector("th").textContent.trim()}, ${nights[x]}`);
    cell.classList.add("editing");
    cell.append(editor);
    editor.focus({ preventScroll: true });
    if (typed === undefined) editor.select();
    editor.addEventListener("blur", () => keep(false));
    editor.addEventListener("input", () => {
      editor.removeAttribute("aria-invalid");
      editor.setCustomValidity("");
    });
  }

  function close(cell) {
    const input = editor;
    editor = null;
    cell.classList.remove("editing");
    input.remove();
  }

  // Keep what was typed, for every selected cell of the same kind. False where it is no value.
  function keep(stay) {
    if (!editor) return true;
    const cell = editor.parentElement;
    const kind = kindOf(cell);
    const value = parse(kind, editor.value);
    if (value === null) {
      if (stay) {
        editor.setAttribute("aria-invalid", "true");
        const why = kind === "price" ? wrong : `“${editor.value}” is not a number of rooms`;
        announce(why);
        editor.setCustomValidity(why);
        editor.reportValidity();
        return false;
      }
      close(cell);
      return true;
    }
    close(cell);
    const cells = selected.has(cell) ? [...selected].filter((other) => kindOf(other) === kind) : [cell];
    set(cells.map((other) => [other, value]));
    return true;
  }

  function leave() {
    const cell = editor.parentElement;
    close(cell);
    cell.focus({ preventScroll: true });
  }

  const ruleCells = () => chosen().filter((cell) => editable(cell) && kindOf(cell) === "rules");
  function change(cells, alter) {
    set(cells.map((cell) => {
      const said = rule(cell.dataset.v) ?? {};
      alter(said);
      return [cell, write(said)];
    }));
  }

  function restrict() {
    const cells = ruleCells();
    const first = rule(cellAt(y, x).dataset.v) ?? {};
    const inner = dialog.querySelector("form");
    for (const name of TOKENS) {
      const field = inner.elements[name];
      if (field.type === "checkbox") field.checked = Boolean(first[name]);
      else field.value = first[name] ?? "";
    }
    const from = nights[Math.min(ax, x)];
    const to = nights[Math.max(ax, x)];
    dialog.querySelector("[data-rule-where]").textContent =
      cells.length > 1 ? `${cells.length} cells, ${from} to ${to}: the same for all.` : `The night of ${nights[x]}.`;
    // At once with the key or press: the close event comes a task later, when the next key may have been taken.
    inner.onsubmit = ({ submitter }) => {
      if (submitter?.value !== "set") return;
      const said = {};
      for (const name of TOKENS) {
        const field = inner.elements[name];
        said[name] = field.type === "checkbox" ? field.checked : Number(field.value) || 0;
      }
      set(cells.map((cell) => [cell, write(said)]));
    };
    dialog.onclose = () => cellAt(y, x).focus({ preventScroll: true });
    dialog.showModal();
  }

  // Fill the selection from its first column (across) or its first row.
  function fill(across) {
    if (selected.size < 2) return announce("Select a range first, with Shift and the arrows");
    const [top, left] = [Math.min(ay, y), Math.min(ax, x)];
    set([...selected].map((cell) => {
      const [row, column] = place.get(cell);
      const source = across ? cellAt(row, left) : cellAt(top, column);
      const same = kindOf(source) === kindOf(cell);
      return [cell, same && source.dataset.v !== undefined ? source.dataset.v : null];
    }));
  }

  function clear() {
    set(chosen().filter(editable).map((cell) => [cell, kindOf(cell) === "overbooking_limit" ? "0" : ""]));
  }

  // The clipboard is a table of texts, as spreadsheets have it.
  const inGrid = () => !editor && table.contains(document.activeElement) && document.activeElement.tagName === "TD";
  document.addEventListener("copy", (event) => {
    if (!inGrid()) return;
    const lines = [];
    for (let row = Math.min(ay, y); row <= Math.max(ay, y); row++) {
      const values = [];
      for (let column = Math.min(ax, x); column <= Math.max(ax, x); column++) {
        const cell = cellAt(row, column);
        values.push(cell.dataset.v ?? cell.querySelector("b")?.textContent ?? cell.firstChild?.textContent ?? "");
      }
      lines.push(values.join("\t"));
    }
    event.clipboardData.setData("text/plain", lines.join("\n"));
    event.preventDefault();
    announce("Copied");
  });
  document.addEventListener("paste", (event) => {
    if (!inGrid() || !mayEdit) return;
    event.preventDefault();
    const text = event.clipboardData.getData("text/plain").replace(/\r/g, "").replace(/\n$/, "");
    const block = text.split("\n").map((part) => part.split("\t"));
    const pairs = [];
    const strange = [];
    const take = (cell, value) => {
      if (!editable(cell)) return;
      const read = parse(kindOf(cell), value);
      if (read === null) strange.push(kindOf(cell) === "price" ? wrong : value);
      else pairs.push([cell, read]);
    };
    if (block.length === 1 && block[0].length === 1) for (const cell of chosen()) take(cell, block[0][0]);
    else {
      const [top, left] = [Math.min(ay, y), Math.min(ax, x)];
      block.forEach((part, down) => part.forEach((value, along) => take(cellAt(top + down, left + along), value)));
    }
    set(pairs);
    if (strange.length) announce(`${strange.length} of the values were not understood and left out. ${strange[0]}`);
  });

  // Keys -----------------------------------------------------------------------------------------

  const MOVES = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

  function otherType(step) {
    const bodies = [...table.tBodies].filter((body) => !body.hidden);
    const at = bodies.indexOf(line(cellAt(y, x)).parentElement) + step;
    const next = bodies[Math.max(0, Math.min(bodies.length - 1, at))].querySelector("td");
    return place.get(next)[0];
  }

  function whileEditing(event) {
    if (event.key === "Escape") {
      event.preventDefault();
      event.stopPropagation();
      leave();
    } else if (event.key === "Enter" || event.key === "Tab") {
      event.preventDefault();
      const many = selected.size > 1;
      if (!keep(true)) return;
      if (many) cellAt(y, x).focus({ preventScroll: true });
      else go(y, x + (event.shiftKey ? -1 : 1));
    }
  }

  table.addEventListener("keydown", (event) => {
    if (editor) return whileEditing(event);
    if (event.target.tagName !== "TD") return;
    const { key } = event;
    const control = event.ctrlKey || event.metaKey;
    const done = () => event.preventDefault();
    if (key in MOVES) {
      done();
      const [down, along] = MOVES[key];
      if (control) return go(down ? (down > 0 ? rows.length : 0) : y, along ? (along > 0 ? nights.length : 0) : x, { extend: event.shiftKey });
      return go(y + down, x + along, { extend: event.shiftKey });
    }
    if (key === "Home" || key === "End") {
      done();
      return go(control ? (key === "Home" ? 0 : rows.length) : y, key === "Home" ? 0 : nights.length, { extend: event.shiftKey });
    }
    if (key === "PageUp" || key === "PageDown") {
      done();
      return go(otherType(key === "PageUp" ? -1 : 1), x, { extend: event.shiftKey });
    }
    if (key === "Escape") return go(y, x);
    if (!mayEdit) return;
    if (control && !event.altKey) return withControl(event, done);
    if (event.altKey) return;
    if (key === "Enter" || key === "F2") {
      done();
      return edit();
    }
    if (key === "Delete" || key === "Backspace") {
      done();
      return clear();
    }
    if (kindOf(cellAt(y, x)) === "rules") return onRules(event, done);
    if (/^[\d.,]$/.test(key)) {
      done();
      edit(key);
    }
  });

  function withControl(event, done) {
    const key = event.key.toLowerCase();
    if (key === "z" && !event.shiftKey) (done(), undo());
    else if (key === "y" || (key === "z" && event.shiftKey)) (done(), redo());
    else if (key === "r") (done(), fill(true));
    else if (key === "d") (done(), fill(false));
    else if (key === "a") {
      done();
      [ay, ax] = [y, 0];
      go(y, nights.length - 1, { extend: true });
    }
  }

  function onRules(event, done) {
    const name = { c: "closed", a: "noarr", d: "nodep" }[event.key.toLowerCase()];
    const cells = ruleCells();
    if (name && cells.length) {
      done();
      event.stopPropagation();
      const all = cells.every((cell) => rule(cell.dataset.v)?.[name]);
      change(cells, (said) => (said[name] = !all));
    } else if (/^\d$/.test(event.key)) {
      done();
      change(cells, (said) => (said.arr = Number(event.key)));
    } else if (event.key === " ") {
      done();
      edit();
    }
  }

  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "s" && mayEdit && !dialog.open) {
      event.preventDefault();
      if (keep(true) && loaded.size) form.requestSubmit();
    }
  });

  // Mouse and finger -----------------------------------------------------------------------------

  let dragging = false;
  table.addEventListener("pointerdown", (event) => {
    const cell = event.target.closest("td");
    if (!cell || !place.has(cell) || (editor && editor.parentElement === cell) || event.button !== 0) return;
    if (event.pointerType !== "mouse") return;
    event.preventDefault();
    keep(false);
    go(...place.get(cell), { extend: event.shiftKey });
    dragging = true;
  });
  table.addEventListener("pointerover", (event) => {
    const cell = dragging && event.target.closest("td");
    if (cell && place.has(cell)) go(...place.get(cell), { extend: true });
  });
  addEventListener("pointerup", () => (dragging = false));
  table.addEventListener("dblclick", (event) => {
    if (event.target.closest("td") && !editor) edit();
  });
  // A tap goes there, a second one on the same cell edits it.
  let was = null; // the cell that had the focus before the tap
  table.addEventListener("pointerdown", (event) => {
    if (event.pointerType !== "mouse") was = document.activeElement;
  });
  table.addEventListener("click", (event) => {
    const cell = event.target.closest("td");
    if (event.pointerType === "mouse" || !cell || !place.has(cell) || editor) return;
    if (was === cell) edit();
    else go(...place.get(cell));
  });

  // Saving ---------------------------------------------------------------------------------------

  const COLUMNS = {
    closed: "closed", noarr: "closed_to_arrival", nodep: "closed_to_departure",
    arr: "min_stay_arrival", thru: "min_stay_through", max: "max_stay",
  };
  const asField = (value) => (value === true ? "1" : value ? String(value) : "");

  form.addEventListener("submit", () => {
    for (const old of form.querySelectorAll("[data-sent-cell]")) old.remove();
    const parts = [];
    const add = (letter, name, value) => {
      const input = Object.assign(document.createElement("input"), { type: "hidden", name: `${letter}|${name}`, value });
      input.dataset.sentCell = "";
      parts.push(input);
    };
    for (const [cell, was] of loaded) {
      const row = line(cell);
      const night = nights[[...row.querySelectorAll("td")].indexOf(cell)];
      const name = `${row.parentElement.dataset.t}|${row.dataset.p}|${night}|`;
      if (row.dataset.c === "rules") {
        const [before, after] = [rule(was) ?? {}, rule(cell.dataset.v) ?? {}];
        for (const token of TOKENS) {
          const [from, to] = [asField(before[token]), asField(after[token])];
          if (from === to) continue;
          add("w", name + COLUMNS[token], from);
          add("v", name + COLUMNS[token], to);
        }
      } else {
        add("w", name + row.dataset.c, was);
        add("v", name + row.dataset.c, cell.dataset.v);
      }
    }
    form.append(...parts);
    leaving = true;
    try {
      sessionStorage.setItem("rates", JSON.stringify({ path: location.pathname, y, x, top: scroller.scrollTop, left: scroller.scrollLeft }));
    } catch {
      // Then the grid begins at its first cell again.
    }
  });
  addEventListener("beforeunload", (event) => {
    if (loaded.size && !leaving) event.preventDefault();
  });
  addEventListener("pageshow", () => (leaving = false));

  bar?.querySelector("[data-undo]").addEventListener("click", () => undo());
  bar?.querySelector("[data-discard]").addEventListener("click", () => {
    const batch = [...loaded].map(([cell, was]) => [cell, was]);
    set(batch);
    cellAt(y, x).focus({ preventScroll: true });
  });

  // Starting -------------------------------------------------------------------------------------

  const oneType = form.querySelector("[data-one-type]");
  if (oneType) oneType.closest(".field").hidden = false;
  const narrow = matchMedia("(width < 48rem)");
  function arrange() {
    const only = oneType && narrow.matches ? Number(oneType.value) : null;
    [...table.tBodies].forEach((body, index) => (body.hidden = only !== null && index !== only));
    cellAt(y, x)?.setAttribute("tabindex", "-1");
    lay();
    go(Math.min(y, rows.length - 1), x, { focus: false });
  }
  oneType?.addEventListener("change", () => {
    y = 0;
    arrange();
  });
  narrow.addEventListener("change", arrange);

  table.setAttribute("role", "grid");
  table.setAttribute("aria-multiselectable", "true");
  if (!mayEdit) table.setAttribute("aria-readonly", "true");
  else for (const cell of table.querySelectorAll("tbody td:not([data-v])")) cell.setAttribute("aria-readonly", "true");
  for (const row of table.querySelectorAll("tbody tr")) for (const cell of row.querySelectorAll("td")) cell.tabIndex = -1;
  scroller.removeAttribute("tabindex");
  form.classList.add("live");
  if (bar) bar.hidden = false;
  for (const keys of document.querySelectorAll("[data-keys]")) keys.hidden = false;
  arrange();
  try {
    const kept = JSON.parse(sessionStorage.getItem("rates") ?? "null");
    sessionStorage.removeItem("rates");
    if (kept?.path === location.pathname && rows.length) {
      scroller.scrollTo({ top: kept.top, left: kept.left, behavior: "instant" });
      go(kept.y, kept.x);
    }
  } catch {
    // Nothing was kept.
  }
}
