// Panels of a dashboard, drawn with uPlot from what the server asked Prometheus. The script names a panel; what is
// asked stands in the dashboard. Below each drawing stand its lines with their latest values, as text.

import uPlot from "./uplot.js";

const EVERY = 30_000;
const COLOURS = 6;
const shown = new Set();
const silent = document.getElementById("silent");
const failing = new Set();

function colour(host, name) {
  const probe = document.createElement("span");
  probe.hidden = true;
  host.append(probe);
  probe.style.setProperty("color", `var(${name})`);
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value;
}

const number = (value, digits = 2) => value.toLocaleString("en-GB", { maximumSignificantDigits: digits });

function duration(seconds) {
  const size = Math.abs(seconds);
  if (size === 0) return "0 s";
  if (size < 0.001) return `${number(seconds * 1e6)} µs`;
  if (size < 1) return `${number(seconds * 1e3)} ms`;
  if (size < 120) return `${number(seconds, 3)} s`;
  if (size < 7200) return `${number(seconds / 60)} min`;
  return size < 172_800 ? `${number(seconds / 3600)} h` : `${number(seconds / 86_400)} days`;
}

function bytes(value) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let place = 0;
  while (Math.abs(value) >= 1000 && place < units.length - 1) { value /= 1000; place += 1; }
  return `${number(value, 3)} ${units[place]}`;
}

const WORDS = {
  percentunit: (value) => value.toLocaleString("en-GB", { style: "percent", maximumFractionDigits: value > 0.99 && value < 1 ? 2 : 1 }),
  s: duration,
  d: (value) => `${number(value, 3)} days`,
  decbytes: bytes,
  Bps: (value) => `${bytes(value)}/s`,
  reqps: (value) => `${number(value, 3)}/s`,
  short: (value) => value.toLocaleString("en-GB", { notation: Math.abs(value) >= 10_000 ? "compact" : "standard", maximumFractionDigits: Math.abs(value) < 10 ? 2 : 0 }),
};

const last = (values) => values.findLast((value) => value !== null);
const isBad = (card, value) => card.dataset.limit !== undefined && value !== undefined
  && ("floor" in card.dataset ? value < Number(card.dataset.limit) : value >= Number(card.dataset.limit));

function keys(card, lines, words) {
  const list = card.querySelector(".keys");
  list.replaceChildren(...lines.map((line, index) => {
    const item = document.createElement("li");
    const mark = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    mark.setAttribute("aria-hidden", "true");
    const ground = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    for (const [name, value] of [["width", "100%"], ["height", "100%"], ["rx", "2"]]) ground.setAttribute(name, value);
    ground.style.setProperty("fill", `var(--series-${(index % COLOURS) + 1})`);
    mark.append(ground);
    const value = document.createElement("b");
    const latest = last(line.values);
    value.textContent = latest === undefined ? "—" : words(latest);
    item.classList.toggle("bad", isBad(card, latest));
    item.append(mark, ...(line.label === card.querySelector("h3").textContent ? [] : [document.createTextNode(line.label)]), value);
    return item;
  }));
  card.classList.toggle("bad", list.querySelector(".bad") !== null);
}

// The limit is on the drawing where the figures come near it, or where they are nothing.
function reach(high, limit) {
  const near = limit !== null && (high === 0 || high > limit * 0.5);
  return Math.max(high * 1.08, near ? limit * 1.2 : 0) || 1;
}

function draw(card, { at, lines }, words) {
  const plot = card.querySelector(".plot");
  card.chart?.destroy();
  const ink = colour(card, "--ink-2");
  const font = `12px ${getComputedStyle(card).fontFamily}`;
  const limit = card.dataset.limit === undefined ? null : Number(card.dataset.limit);
  const long = at.at(-1) - at[0] > 90_000;
  const clock = (seconds) => new Date(seconds * 1000).toLocaleString("en-GB", { timeZone: "UTC", ...(long ? { day: "numeric", month: "short" } : {}), hour: "2-digit", minute: "2-digit" });
  const bound = (chart) => {
    if (limit === null) return;
    const y = chart.valToPos(limit, "y", true);
    if (y < chart.bbox.top || y > chart.bbox.top + chart.bbox.height) return;
    const { ctx } = chart;
    ctx.save();
    ctx.strokeStyle = colour(card, "--negative");
    ctx.setLineDash([6, 5]);
    ctx.beginPath();
    ctx.moveTo(chart.bbox.left, y);
    ctx.lineTo(chart.bbox.left + chart.bbox.width, y);
    ctx.stroke();
    ctx.restore();
  };
  card.chart = new uPlot({
    width: Math.max(plot.clientWidth, 120), height: Math.max(plot.clientHeight, 90), padding: [8, 10, 0, 0],
    legend: { show: false },
    cursor: { show: false },
    scales: { x: { time: false }, y: { range: (chart, low, high) => [Math.min(0, low ?? 0), reach(high ?? 0, limit)] } },
    axes: [
      { stroke: ink, font, size: 28, gap: 4, grid: { show: false }, ticks: { show: false }, space: long ? 110 : 60,
        incrs: [60, 300, 600, 900, 1800, 3600, 7200, 21_600, 43_200, 86_400], values: (chart, splits) => splits.map(clock) },
      { stroke: ink, font, gap: 4, size: (chart, values) => 14 + 6.6 * Math.max(2, ...(values ?? []).map((value) => String(value ?? "").length)), space: 34,
        grid: { stroke: colour(card, "--line-soft"), width: 1 }, ticks: { show: false }, values: (chart, splits) => splits.map(words) },
    ],
    series: [{}, ...lines.map((line, index) => ({ label: line.label, stroke: colour(card, `--series-${(index % COLOURS) + 1}`), width: 1.75, points: { show: false }, spanGaps: false }))],
    hooks: { draw: [bound] },
  }, [at, ...lines.map((line) => line.values)], plot);
}

const STATES = { empty: "No data in this time", silent: "Prometheus does not answer", failed: "The panel could not ask: reload the page" };

function show(card, figures) {
  const words = WORDS[card.dataset.unit] ?? WORDS.short;
  const drawn = figures.state === "drawn";
  card.figures = figures;
  card.querySelector(".state").textContent = STATES[figures.state] ?? "";
  card.classList.toggle("still", !drawn);
  if (figures.state === "silent") failing.add(card);
  else failing.delete(card);
  silent.hidden = failing.size === 0;
  keys(card, figures.lines, words);
  if (drawn && !("number" in card.dataset)) draw(card, figures, words);
}

async function fill(card) {
  const { board, panel, hours } = card.dataset;
  try {
    const answer = await fetch(`/admin/monitoring/figures?${new URLSearchParams({ board, panel, hours })}`);
    show(card, answer.ok ? await answer.json() : { state: "failed", lines: [] });
  } catch {
    show(card, { state: "failed", lines: [] });
  }
  card.setAttribute("aria-busy", "false");
}

// Asked for are the panels that are seen, and again while they are.
const seen = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    if (isIntersecting && !shown.has(target)) void fill(target);
    if (isIntersecting) shown.add(target);
    else shown.delete(target);
  }
}, { rootMargin: "200px" });
const sized = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    const card = target.closest("[data-panel]");
    if (card.chart && target.clientWidth) card.chart.setSize({ width: target.clientWidth, height: target.clientHeight });
  }
});
for (const card of document.querySelectorAll("[data-panel]")) {
  card.setAttribute("aria-busy", "true");
  seen.observe(card);
  sized.observe(card.querySelector(".plot"));
}
setInterval(() => {
  if (document.visibilityState === "visible") for (const card of shown) void fill(card);
}, EVERY);

const again = () => {
  for (const card of document.querySelectorAll("[data-panel]")) if (card.figures) show(card, card.figures);
};
document.addEventListener("themechange", again);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
