// One replica: its cloud of variance against flatness, the loss along a direction, spectra, training curves; nulls on and off.

const opened = { number: null, numbers: null, layer: null, row: 0, charts: {} };
const NULLS = {
  walk: { label: "noise walk", on: true }, held_out: { label: "directions of the other half", on: false }, predicted: { label: "quadratic prediction", on: false },
  white: { label: "white noise", on: true }, free: { label: "random walk", on: true },
};

async function openReplica(number, go) {
  opened.number = number;
  opened.numbers = await numbersOf(number);
  if (opened.number !== number) return; // another one was chosen meanwhile
  const layers = Object.keys(opened.numbers?.layers ?? {});
  opened.layer = layers.includes(opened.layer) ? opened.layer : layers.includes(DATA.layer) ? DATA.layer : layers[0] ?? null;
  drawReplica();
  document.querySelectorAll("#replica-table tr.opened").forEach((row) => row.classList.remove("opened"));
  document.querySelector(`#replica-table tr[data-row="${number}"]`)?.classList.add("opened");
  if (!go) return;
  history.replaceState(null, "", `#replica-${number}`);
  const title = document.getElementById("replica");
  title.scrollIntoView();
  title.focus({ preventScroll: true });
}

function drawReplica() {
  Object.values(opened.charts).forEach((drawn) => drawn.destroy());
  opened.charts = {};
  document.getElementById("replica").textContent = `Replica ${opened.number}`;
  const host = view("replica");
  host.replaceChildren(replicaControls(), replicaFacts());
  if (!opened.numbers) host.append(el("p", {}, "It has left no numbers."));
  else if (opened.numbers.trouble) host.append(el("p", {}, `Its numbers cannot be read: ${opened.numbers.trouble}`));
  else drawParts(host);
}

function replicaControls() {
  const last = DATA.status.length - 1;
  const number = el("input", { type: "number", min: 0, max: last, value: opened.number, id: "replica-number", onchange: () => step(Number(number.value)) });
  const step = (wanted) => { if (Number.isInteger(wanted) && wanted >= 0 && wanted <= last) openReplica(wanted, false).then(() => document.getElementById("replica-number").focus()); };
  const layers = Object.keys(opened.numbers?.layers ?? {});
  return el("div", { class: "controls" }, el("label", { class: "control" }, el("span", {}, "Replica"), number),
    layers.length > 1 ? menu("Layer", { "": layers.map((name) => [name, name]) }, opened.layer, (name) => { opened.layer = name; drawReplica(); }) : null);
}

function replicaFacts() {
  const facts = DATA.axes.map((entry) => [entry.label, shown(entry.values[opened.number])]);
  facts.push(["status", DATA.status[opened.number]]);
  if (DATA.messages[opened.number]) facts.push(["message", DATA.messages[opened.number]]);
  for (const key of DATA.first.map((entry) => opened.layer ? entry.replace(`/${DATA.layer}/`, `/${opened.layer}/`) : entry)) {
    const column = QUANTITY_COLUMNS.find((entry) => entry.key === key);
    if (column && column.values[opened.number] !== null) facts.push([column.label, shown(column.values[opened.number])]);
  }
  return el("dl", { class: "pairs", id: "replica-facts" }, facts.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));
}

function drawParts(host) {
  const layer = opened.numbers.layers[opened.layer];
  const grid = el("div", { class: "charts" });
  const there = layer ? nullsOf(layer) : [];
  if (there.length) {
    host.append(el("fieldset", { class: "controls", id: "nulls" }, el("legend", {}, "Nulls, what the numbers are compared with"),
      there.map((name) => box(NULLS[name].label, NULLS[name].on, (on) => { NULLS[name].on = on; drawNulls(layer); }))));
  }
  host.append(grid);
  if (layer?.cloud) drawCloud(grid, layer);
  if (layer && Object.keys(layer.spectra).length) drawSpectra(grid, layer);
  drawTraining(grid, opened.numbers.training);
}

function nullsOf(layer) {
  const has = { walk: layer.beside.walk || layer.spectra.walk_spectrum || layer.along.walk_variance, held_out: layer.beside.held_out, predicted: layer.along.predicted_variance,
                white: layer.spectra.white_noise_spectrum, free: layer.spectra.variance && layer.total };
  return Object.keys(NULLS).filter((name) => has[name]);
}

function drawNulls(layer) {
  if (opened.charts.cloud) redraw(opened.charts.cloud, cloudParts(layer));
  if (opened.charts.spectrum) redraw(opened.charts.spectrum, spectrumParts(layer));
}

function name() {
  return `replica ${opened.number}, layer ${opened.layer}`;
}

// -- the cloud, and the loss along the direction chosen

function drawCloud(grid, layer) {
  const { cloud } = layer;
  opened.row = Math.max(cloud.direction.findIndex((direction, row) => direction >= 1 && cloud.flatness[row] !== null), 0);
  const parts = cloudParts(layer);
  opened.charts.cloud = chart(grid, { ...parts, key: "cloud", title: `Variance against flatness, ${name()}`,
    onpoint: (series, row) => { if (series < 3) chooseDirection(layer, row); },
    text: (label, point) => pointWords(cloud, label, point) });
  const frame = opened.charts.cloud.canvas.closest("figure");
  frame.append(directionControls(layer));
  opened.charts.profile = chart(grid, { ...profileParts(cloud), key: "profile", title: "Loss along one direction" });
  opened.charts.profile.canvas.closest("figure").append(el("p", { class: "note", id: "direction-words", role: "status" }));
  chooseDirection(layer, opened.row);
}

function pointWords(cloud, label, { x, y, row }) {
  const own = ["directions i ≥ 2", "i = 1", "chosen"].includes(label);
  return own ? [`i = ${cloud.direction[row] + 1}, status ${statusOf(cloud, row)}`, `F = ${shown(cloud.flatness[row])}, σ² = ${shown(cloud.variance[row])}`]
             : `${label}: F = ${shown(x)}, σ² = ${shown(y)}`;
}

function cloudParts(layer) {
  const { cloud } = layer;
  const part = (wanted) => cloud.flatness.map((width, row) => (cloud.direction[row] === 0) === wanted ? width : null);
  const variance = cloud.variance ?? [];
  const series = [points("chosen", [cloud.flatness[opened.row]], [variance[opened.row] ?? null], INK.black, "circle", 6),
                  points("directions i ≥ 2", part(false), variance, INK.blue, "circle", 2.6), points("i = 1", part(true), variance, INK.orange, "rectRot", 6)];
  series[0].data.forEach((point) => { point.row = opened.row; });
  series[0].backgroundColor = "transparent";
  series[0].borderWidth = 2;
  series.push(...fitLine(cloud), ...cloudNulls(layer));
  const { psi } = cloud.fit;
  return { series, x: { label: "flatness F", log: true, ...around(series, "x", true) }, y: { label: "variance σ²", log: true, ...around(series, "y", true) },
           alt: `The chart shows the variance of ${cloud.direction.length} directions of ${name()} against their flatness on logarithmic axes` + (psi === null ? "." : `; ψ is ${shown(psi, 3)}.`) };
}

// σ² = c F^−ψ over the directions of the fit range; c is their median.
function fitLine(cloud) {
  const { psi, psi_low: low, psi_high: high, fit_first: first, fit_last: last } = cloud.fit;
  const rows = cloud.direction.map((_, row) => row).filter((row) => cloud.direction[row] >= first && cloud.direction[row] <= last && cloud.flatness[row] > 0 && cloud.variance?.[row] > 0);
  if (psi === null || rows.length < 2) return [];
  const scales = rows.map((row) => Math.log(cloud.variance[row]) + psi * Math.log(cloud.flatness[row])).sort((a, b) => a - b);
  const scale = Math.exp(scales[Math.floor(scales.length / 2)]);
  const widths = rows.map((row) => cloud.flatness[row]);
  const ends = [Math.min(...widths), Math.max(...widths)];
  const interval = low === null || high === null ? "" : ` (${low.toFixed(2)}–${high.toFixed(2)})`;
  return [line(`ψ = ${psi.toFixed(2)}${interval}`, ends, ends.map((width) => scale * width ** -psi), INK.red)];
}

function cloudNulls({ cloud, beside, along }) {
  const found = [];
  const widthOf = new Map(cloud.direction.map((direction, row) => [direction, cloud.flatness[row]]));
  const own = along.direction?.map((direction) => widthOf.get(direction) ?? null);
  if (NULLS.walk.on && beside.walk) found.push(points("noise walk, its own directions", beside.walk.flatness, beside.walk.variance, INK.green, "triangle", 3));
  if (NULLS.walk.on && along.walk_variance) found.push(points("noise walk along the same directions", own, along.walk_variance, INK.green, "crossRot", 3));
  if (NULLS.held_out.on && beside.held_out) found.push(points("first half along directions of the last", beside.held_out.flatness, beside.held_out.variance, INK.purple, "rect", 2.6));
  if (NULLS.predicted.on && along.predicted_variance) found.push(points("quadratic prediction", own, along.predicted_variance, INK.red, "cross", 3));
  return found;
}

function directionControls(layer) {
  const { cloud } = layer;
  const last = cloud.direction.length - 1;
  const move = (by) => chooseDirection(layer, Math.min(Math.max(opened.row + by, 0), last));
  const input = el("input", { type: "number", id: "direction", min: 1, max: cloud.direction[last] + 1, onchange: () => {
    const wanted = Number(input.value) - 1; // the nearest there is
    chooseDirection(layer, cloud.direction.reduce((best, direction, row) => Math.abs(direction - wanted) < Math.abs(cloud.direction[best] - wanted) ? row : best, 0));
  } });
  const unbounded = cloud.flatness.filter((width) => width === null).length;
  return el("div", {}, el("div", { class: "controls" }, el("button", { type: "button", id: "previous-direction", onclick: () => move(-1) }, "◀ Previous"),
    el("label", { class: "control" }, el("span", {}, "Direction i"), input), el("button", { type: "button", id: "next-direction", onclick: () => move(1) }, "Next ▶")),
    el("p", { class: "note" }, `Point at a direction, or step through them. ${cloud.direction.length} of ${cloud.of} directions are on this page` +
      (unbounded ? `; ${unbounded} are unbounded on a side and have no point.` : ".")));
}

function chooseDirection(layer, row) {
  const { cloud } = layer, { charts } = opened;
  opened.row = row;
  const parts = profileParts(cloud);
  redraw(charts.profile, parts);
  const chosen = cloudParts(layer).series[0];
  charts.cloud.data.datasets[0].data = chosen.data.filter((point) => point.x > 0 && point.y > 0);
  charts.cloud.update("none");
  document.getElementById("direction").value = cloud.direction[row] + 1;
  document.getElementById("direction-words").textContent = parts.alt;
}

function profileParts(cloud) {
  const { series, words } = profileOf(cloud, opened.row);
  return { series: [...series, level(series)], x: { label: `θ along direction ${cloud.direction[opened.row] + 1}` }, y: { label: "ln L − ln L₀" },
           alt: directionWords(cloud, opened.row, words) };
}

// -- spectra

function drawSpectra(grid, layer) {
  if (layer.spectra.variance) opened.charts.spectrum = chart(grid, { ...spectrumParts(layer), key: "spectrum", title: `Spectrum of the window, ${name()}` });
  const others = { hessian_eigenvalues: ["Hessian", INK.blue, "circle"], empirical_fisher_eigenvalues: ["empirical Fisher", INK.green, "triangle"], noise_covariance_eigenvalues: ["noise covariance", INK.red, "rect"] };
  const series = Object.entries(others).filter(([key]) => layer.spectra[key]).map(([key, [label, colour, mark]]) => points(label, ...layer.spectra[key], colour, mark, 2.6));
  if (!series.length) return;
  opened.charts.curvature = chart(grid, { series, key: "curvature", title: `Eigenvalues of the curvature, ${name()}`, x: { label: "number of the eigenvalue", log: true },
    y: { label: "eigenvalue", log: true }, alt: `The chart shows the positive eigenvalues of ${series.map((entry) => entry.label).join(", ")} of ${name()} by rank.` });
}

function spectrumParts({ spectra, total }) {
  const series = [line("σ² of SGD", ...spectra.variance, INK.blue)];
  if (NULLS.walk.on && spectra.walk_spectrum) series.push(line("noise walk", ...spectra.walk_spectrum, INK.green, "dashed"));
  if (NULLS.white.on && spectra.white_noise_spectrum) series.push(line("white noise", ...spectra.white_noise_spectrum, INK.purple, "dashdot"));
  if (NULLS.free.on && total) series.push(line("random walk", spectra.variance[0], spectra.variance[0].map((i) => 6 * total / (Math.PI * i) ** 2), INK.grey, "dotted"));
  const top = Math.max(...spectra.variance[1].filter((value) => value !== null));
  return { series, x: { label: "direction i", log: true }, y: { label: "variance σ²", log: true, min: top > 0 ? lowest(series, top) : undefined },
           alt: `The chart shows the variances of ${name()} by direction` + (series.length > 1 ? `, beside ${series.slice(1).map((entry) => entry.label).join(", ")}.` : ".") };
}

// Less than 1e-13 of the largest is rounding and left below the view.
function lowest(series, top) {
  const shownValues = series.flatMap((entry) => entry.data.map((point) => point.y)).filter((value) => value > 1e-13 * top);
  return 10 ** Math.floor(Math.log10(Math.min(...shownValues)));
}

// -- training

function drawTraining(grid, training) {
  if (!training) return;
  const opens = opened.numbers.window;
  const kinds = [["loss", "train_loss", "test_loss"], ["error", "train_error", "test_error"]];
  for (const [kind, train, test] of kinds.filter(([, first, second]) => training[first] || training[second])) {
    const found = [[train, "training", INK.blue, "solid"], [test, "test", INK.red, "dashed"]].filter(([key]) => training[key]);
    const series = found.map(([key, words, colour, stroke]) => line(`${words} ${kind}`, training.epoch, training[key], colour, stroke));
    const values = series.flatMap((entry) => entry.data.map((point) => point.y)).filter((value) => value > 0);
    if (opens !== null && values.length) series.push(line("the window opens", [opens, opens], [Math.min(...values), Math.max(...values)], INK.grey, "dotted"));
    opened.charts[kind] = chart(grid, { series, key: kind, title: `${kind === "loss" ? "Loss" : "Error"} against epochs, replica ${opened.number}`,
      x: { label: "epoch" }, y: { label: kind, log: true }, alt: `The chart shows the ${kind} of replica ${opened.number} on training and test images after each epoch.` });
  }
}
