// Charts of points and lines by Chart.js, on axes with the labels of a printed figure.

const INK = { blue: "#0072B2", orange: "#E69F00", green: "#009E73", red: "#D55E00", purple: "#CC79A7", sky: "#56B4E9", black: "#1c2024", grey: "#737373" };
const STROKE = { solid: [], dashed: [6, 4], dotted: [2, 3], dashdot: [7, 3, 2, 3] };

// A series of points; `mark`: circle, rectRot, triangle, rect, cross, ...
function points(label, x, y, colour, mark, size = 3) {
  return { label, data: pairs(x, y), pointStyle: mark, radius: size, hoverRadius: size + 3, borderColor: colour,
           backgroundColor: mark.startsWith("cross") ? colour : `${colour}99`, borderWidth: mark.startsWith("cross") ? 1.5 : 0.5, showLine: false };
}

function line(label, x, y, colour, stroke = "solid", marks = 0) {
  return { label, data: pairs(x, y), showLine: true, borderColor: colour, backgroundColor: colour, borderWidth: 1.8, borderDash: STROKE[stroke],
           radius: marks, hoverRadius: marks + 2, pointStyle: marks ? "circle" : "line" };
}

// What has both numbers; `row` is the place in the arrays.
function pairs(x, y) {
  return x.map((value, row) => ({ x: value, y: y[row], row })).filter((point) => point.x !== null && point.y !== null);
}

// Ticks of a logarithmic axis: decades, thinned; 1, 2, 5 where there are fewer than two decades.
function logTicks(scale) {
  const first = Math.floor(Math.log10(scale.min)), last = Math.ceil(Math.log10(scale.max));
  const inside = (value) => value >= scale.min * 0.999 && value <= scale.max * 1.001;
  const decades = [];
  for (let exponent = first; exponent <= last; exponent += 1) decades.push(10 ** exponent);
  const few = decades.filter(inside);
  if (few.length >= 3) {
    const step = Math.ceil(few.length / 7);
    return few.filter((_, place) => place % step === 0);
  }
  const mantissas = few.length ? [1, 2, 5] : [1, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 9];
  return decades.flatMap((decade) => mantissas.map((factor) => decade * factor)).filter(inside);
}

function tickText(value, ticks) {
  const exponent = Math.log10(value);
  const decades = ticks.every((tick) => Math.abs(Math.log10(tick.value) - Math.round(Math.log10(tick.value))) < 1e-9);
  return decades && (Math.abs(exponent) > 2 || ticks.length > 4) ? powerOfTen(Math.round(exponent)) : shown(value, 3);
}

function axis({ label, log = false, min, max }) {
  const base = { title: { display: true, text: label, color: INK.black, font: { size: 13 } }, min, max, grid: { color: "#e4e7ea" },
                 ticks: { color: INK.black, maxRotation: 0, autoSkipPadding: 10 } };
  if (!log) return { ...base, type: "linear", ticks: { ...base.ticks, maxTicksLimit: 7, callback: (value) => shown(value, 3) } };
  return { ...base, type: "logarithmic",
           afterBuildTicks: (scale) => { scale.ticks = logTicks(scale).map((value) => ({ value })); },
           ticks: { ...base.ticks, callback: (value, _, ticks) => tickText(value, ticks) } };
}

// A chart in a frame of its own. `alt`: a sentence; `onpoint(series, row)`: the pointer is at a point; `text(series, row)`: its tooltip.
function chart(host, { title, alt, x, y, series, onpoint, text, key }) {
  const canvas = el("canvas", { role: "img", "aria-label": alt, "data-chart": key });
  const frame = el("figure", { class: "chart" }, el("h4", {}, title), el("div", { class: "canvas" }, canvas));
  host.append(frame);
  const drawn = new Chart(canvas, {
    type: "scatter", data: { datasets: drawable(series, x, y) },
    options: {
      animation: false, maintainAspectRatio: false, responsive: true, parsing: false, normalized: true,
      interaction: { mode: "nearest", intersect: false, axis: "xy" },
      onHover: (_, found) => { if (onpoint && found.length) onpoint(found[0].datasetIndex, pointOf(drawn, found[0]).row); },
      scales: { x: axis(x), y: axis(y) },
      plugins: {
        legend: { position: "top", align: "start", onClick: () => {},
                  labels: { usePointStyle: true, boxWidth: 18, boxHeight: 7, color: INK.black, font: { size: 12 } } },
        tooltip: { displayColors: false, filter: (item) => item.dataset.label !== "chosen", callbacks: { label: (item) => text ? text(item.dataset.label, item.raw) : `${item.dataset.label}: ${shown(item.raw.x)}, ${shown(item.raw.y)}` } },
      },
    },
  });
  canvas.flatsweepChart = drawn;
  return drawn;
}

function pointOf(drawn, { datasetIndex, index }) {
  return drawn.data.datasets[datasetIndex].data[index];
}

// Ends of an axis a little beyond its series, so that no mark is cut.
function around(series, of, log) {
  const values = series.flatMap((entry) => entry.data.map((point) => point[of])).filter((value) => !log || value > 0);
  if (!values.length) return {};
  const [low, high] = [Math.min(...values), Math.max(...values)];
  if (log) return { min: low / (high / low) ** 0.04, max: high * (high / low) ** 0.04 };
  return { min: low - 0.04 * (high - low), max: high + 0.04 * (high - low) };
}

// A logarithmic axis has no place for zero and less.
function drawable(series, x, y) {
  return series.map((entry) => ({ ...entry, data: entry.data.filter((point) => (!x.log || point.x > 0) && (!y.log || point.y > 0)) }));
}

function redraw(drawn, { series, x, y, alt }) {
  drawn.data.datasets = drawable(series, x, y);
  drawn.options.scales.x = axis(x);
  drawn.options.scales.y = axis(y);
  drawn.canvas.setAttribute("aria-label", alt);
  drawn.update("none");
}
