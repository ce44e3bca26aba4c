// Charts from the figures in data-chart, drawn with uPlot in the colours of the theme. The same figures stand
// below as a table, for those who do not see the drawing:
//   {"x": ["2026-03-01", ...], "series": [{"label", "values", "kind": "bars" | "line", "format": "percent" | "money" | "count"}]}
// Amounts come with `texts`, written by the server as everywhere; the axis has bare numbers.
// Series of different formats get an axis each, at the start and at the end.

import uPlot from "./uplot.js";

const drawn = new Set();
const spoken = document.documentElement.lang || "en";
const locale = spoken === "en" ? "en-GB" : spoken;

// Colours are read where they are used, so that a part of a page may have a theme of its own. A canvas wants
// plain colours, so they take the way through an element's computed style.
function colour(host, name) {
  const probe = document.createElement("span");
  probe.className = "probe";
  probe.hidden = true;
  host.append(probe);
  probe.style.setProperty("color", `var(${name})`);
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value;
}

const faded = (value, share) => {
  const canvas = document.createElement("canvas").getContext("2d");
  canvas.fillStyle = value;
  canvas.fillRect(0, 0, 1, 1);
  const [r, g, b] = canvas.getImageData(0, 0, 1, 1).data;
  return `rgb(${r} ${g} ${b} / ${share})`;
};

function printer(format, short) {
  if (format === "percent") return (value) => value.toLocaleString(locale, { style: "percent", maximumFractionDigits: short ? 0 : 1 });
  return (value) => value.toLocaleString(locale, short ? { notation: "compact", maximumFractionDigits: 1 } : {});
}

const isDate = (text) => /^\d{4}-\d\d-\d\d$/.test(text);
const asDay = (text, style) => new Date(`${text}T00:00Z`).toLocaleDateString(locale, { timeZone: "UTC", ...style });

export function draw(host) {
  if (host.dataset.drawn) return;
  host.dataset.drawn = "yes";
  let data;
  try {
    data = JSON.parse(host.dataset.chart);
  } catch {
    return;
  }
  const { x, series } = data;
  const plot = host.querySelector(".plot") ?? host.appendChild(Object.assign(document.createElement("div"), { className: "plot" }));
  plot.setAttribute("aria-hidden", "true");
  const formats = [...new Set(series.map((one) => one.format ?? "count"))];
  const bars = series.filter((one) => one.kind === "bars").length;

  const word = Object.assign(document.createElement("div"), { className: "hover", hidden: true });
  host.append(word);
  let chart;

  const build = () => {
    chart?.destroy();
    const ink = colour(host, "--ink-2");
    const line = colour(host, "--line-soft");
    const font = `12px ${getComputedStyle(host).fontFamily}`;
    let bar = 0;
    const shown = series.map((one, index) => {
      const stroke = colour(host, `--series-${(index % 6) + 1}`);
      const isBars = one.kind === "bars";
      const place = isBars ? bar++ : 0;
      return {
        label: one.label,
        scale: one.format ?? "count",
        stroke: isBars ? undefined : stroke,
        width: isBars ? 0 : 2,
        fill: isBars ? faded(stroke, 0.88) : bars || series.length > 1 ? undefined : (u) => wash(u, stroke),
        paths: isBars ? uPlot.paths.bars({ size: [0.68 / bars, 44 / bars], align: bars > 1 ? (place ? 1 : -1) : 0, radius: 0.14, gap: 1 }) : uPlot.paths.spline(),
        points: { show: false },
      };
    });
    const { width, height } = plot.getBoundingClientRect();
    chart = new uPlot({
      width: Math.max(width, 120), height: Math.max(height, 90), padding: [10, formats.length > 1 ? 0 : 8, 0, 0],
      legend: { show: false },
      cursor: { y: false, points: { size: 7, width: 2, fill: (u, i) => colour(host, `--series-${((i - 1) % 6) + 1}`), stroke: () => colour(host, "--surface") }, drag: { x: false, y: false } },
      scales: {
        x: { time: false, range: (u, low, high) => [low - 0.5, high + 0.5] },
        ...Object.fromEntries(formats.map((format) => [format, { range: (u, low, high) => reach(format, low, high) }])),
      },
      axes: [
        { stroke: ink, font, gap: 6, size: 30, grid: { show: false }, ticks: { show: false },
          incrs: [1, 2, 3, 4, 5, 7, 10, 14, 20, 28, 50, 100, 200], space: isDate(x[0] ?? "") ? 54 : 84,
          values: (u, splits) => splits.map((at) => label(x, at)) },
        ...formats.map((format, index) => ({
          scale: format, side: index ? 1 : 3, stroke: ink, font, gap: 6, size: (u, values) => 18 + 6.6 * Math.max(2, ...(values ?? [""]).map((v) => String(v ?? "").length)),
          grid: { show: index === 0, stroke: line, width: 1 }, ticks: { show: false }, space: plot.clientHeight < 170 ? 26 : 38,
          incrs: format === "count" ? [1, 2, 5, 10, 20, 25, 50, 100, 200, 250, 500, 1000, 2000, 2500, 5000, 10000, 20000, 50000, 100000] : undefined,
          values: (u, splits) => splits.map((value) => printer(format, true)(value)),
        })),
      ],
      series: [{}, ...shown],
      hooks: { drawClear: [(u) => weekends(u, x, faded(colour(host, "--brass-soft"), 0.6))], setCursor: [(u) => tell(u, host, word, data)] },
    }, [x.map((_, index) => index), ...series.map((one) => one.values)], plot);
  };

  const wash = (u, stroke) => {
    const fall = u.ctx.createLinearGradient(0, u.bbox.top, 0, u.bbox.top + u.bbox.height);
    fall.addColorStop(0, faded(stroke, 0.2));
    fall.addColorStop(1, faded(stroke, 0.01));
    return fall;
  };

  build();
  let width = plot.clientWidth;
  new ResizeObserver(() => {
    if (plot.clientWidth === width || !plot.isConnected) return;
    width = plot.clientWidth;
    chart.setSize({ width, height: plot.clientHeight });
  }).observe(plot);
  drawn.add({ host, build });
}

// Percentages start at nothing and end at 100 % at least where they come near; amounts start at nothing.
function reach(format, low, high) {
  const top = high ?? 1;
  if (format === "percent") return [0, top > 0.5 ? Math.max(1, top * 1.02) : Math.max(0.1, top * 1.2)];
  if (format === "count") return [Math.min(0, (low ?? 0) * 1.1), Math.max(4, top * 1.08)];
  return [Math.min(0, low ?? 0), Math.max(1, top * 1.12)];
}

// Nights of Friday and Saturday stand on a ground of their own: a hotel's week turns around them.
function weekends(u, x, ground) {
  if (x.length > 100 || !isDate(x[0] ?? "")) return;
  u.ctx.fillStyle = ground;
  x.forEach((day, index) => {
    if (![5, 6].includes(new Date(`${day}T00:00Z`).getUTCDay())) return;
    const [from, to] = [index - 0.5, index + 0.5].map((at) => u.valToPos(at, "x", true));
    u.ctx.fillRect(from, u.bbox.top, to - from, u.bbox.height);
  });
}

function label(x, at) {
  const text = x[at];
  if (text === undefined) return "";
  return isDate(text) ? asDay(text, x.length > 60 ? { month: "short", day: "numeric" } : { day: "numeric", month: "short" }) : text;
}

function tell(u, host, word, { x, series }) {
  const at = u.cursor.idx;
  if (at == null || u.cursor.left < 0) return void (word.hidden = true);
  const day = isDate(x[at]) ? asDay(x[at], { weekday: "short", day: "numeric", month: "short" }) : x[at];
  word.replaceChildren(Object.assign(document.createElement("b"), { textContent: day }));
  for (const one of series) {
    const value = one.values[at];
    if (value != null) word.append(Object.assign(document.createElement("div"), { textContent: `${one.label}: ${one.texts?.[at] ?? printer(one.format, false)(value)}` }));
  }
  word.hidden = false;
  const area = u.over.getBoundingClientRect();
  const frame = host.getBoundingClientRect();
  const left = area.left - frame.left + u.valToPos(at, "x");
  const place = left + word.offsetWidth + 16 > frame.width ? left - word.offsetWidth - 12 : left + 12;
  word.style.setProperty("inset", `${area.top - frame.top + 4}px auto auto ${Math.max(0, place)}px`);
}

const again = () => {
  for (const one of drawn) if (one.host.isConnected) one.build();
    else drawn.delete(one);
};
document.addEventListener("themechange", again);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
matchMedia("print").addEventListener("change", again);
