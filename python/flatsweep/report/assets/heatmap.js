// A heat map of a quantity over two axes: a table whose cells are coloured, each with the mean of its replicas.

const VIRIDIS = [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]];
const SOURCES = [
  { title: "Replicas", axes: DATA.axes, quantities: DATA.quantities, replicas: true },
  ...DATA.tables.map((entry) => ({ ...entry, replicas: false })),
].filter((source) => source.quantities.length && source.axes.length);
const NONE = "-";
const MEAN = "mean";
const CELLS = 5000; // an axis of so many values that there are more is told instead

const map = { source: null, quantity: "", x: "", y: NONE, fixed: {}, log: false };

function buildHeatMap() {
  if (!SOURCES.length) return;
  const host = view("heat-map");
  host.append(el("div", { class: "controls", id: "map-controls" }), el("div", { id: "map" }));
  chooseSource(SOURCES.length > 1 ? 1 : 0);
}

function chooseSource(number) {
  const source = SOURCES[number];
  const wanted = [`flatness/${DATA.layer}/psi`, "average_error", "test_error", "training/test_error"]
    .map((key) => source.quantities.find((entry) => entry.key === key)).find(Boolean);
  const axes = source.axes.filter((entry) => entry.name !== "psi_assumed");
  const ordered = [...axes.filter((entry) => entry.name !== "seed"), ...source.axes.filter((entry) => entry.name === "seed" || entry.name === "psi_assumed")];
  Object.assign(map, { source, number, quantity: (wanted ?? source.quantities[0]).key, x: ordered[0].name, y: ordered[1]?.name ?? NONE, fixed: {}, log: false });
  drawMap();
}

function distinct(values) {
  const found = [...new Set(values)];
  return found.every((value) => typeof value === "number") ? found.sort((a, b) => a - b) : found;
}

// The axes that are not shown; each is fixed at a value, or its values are put together.
function otherAxes() {
  return map.source.axes.filter((entry) => entry.name !== map.x && entry.name !== map.y);
}

function fixedAt(entry) {
  const together = ["seed", "psi_assumed"].includes(entry.name);
  return map.fixed[entry.name] ?? (together ? MEAN : usual()[entry.name]);
}

// {axis: value} at which most rows lie, of the axes that are not shown: a method without penalties fills one cell only.
function usual() {
  const others = otherAxes().filter((entry) => !["seed", "psi_assumed"].includes(entry.name));
  const counts = new Map();
  map.source.quantities[0].values.forEach((_, row) => {
    const key = JSON.stringify(others.map((entry) => String(entry.values[row])));
    counts.set(key, (counts.get(key) ?? 0) + 1);
  });
  const most = JSON.parse([...counts].reduce((best, found) => (found[1] > best[1] ? found : best))[0]);
  return Object.fromEntries(others.map((entry, place) => [entry.name, most[place]]));
}

function mapControls() {
  const axes = map.source.axes.map((entry) => [entry.name, entry.label]);
  const change = (key) => (value) => {
    if (key === "x" && value === map.y) map.y = map.x;
    if (key === "y" && value === map.x) map.x = map.y === NONE ? map.source.axes.find((entry) => entry.name !== value)?.name ?? value : map.y;
    map[key] = value;
    drawMap();
  };
  const y = map.x === map.y ? NONE : map.y;
  const quantities = map.source.replicas ? Object.fromEntries(Object.entries(grouped(DATA.quantities))) : grouped(map.source.quantities);
  return [
    SOURCES.length > 1 ? menu("Of", { "": SOURCES.map((source, number) => [String(number), source.title]) }, String(map.number), (value) => chooseSource(Number(value))) : null,
    menu("Quantity", quantities, map.quantity, change("quantity")), menu("Across", { "": axes }, map.x, change("x")),
    menu("Down", { "": [...axes, [NONE, "none"]] }, y, change("y")),
    ...otherAxes().map((entry) => menu(entry.label, { "": [...distinct(entry.values).map((value) => [String(value), shown(value)]), [MEAN, "mean of all"]] },
      fixedAt(entry), (value) => { map.fixed[entry.name] = value; drawMap(); })),
    box("colours by logarithm", map.log, (value) => { map.log = value; drawMap(); }),
  ];
}

function drawMap() {
  if (map.x === map.y) map.y = NONE;
  const controls = document.getElementById("map-controls");
  const focused = [...controls.querySelectorAll("select, input")].indexOf(document.activeElement);
  controls.replaceChildren(...mapControls().filter(Boolean));
  controls.querySelectorAll("select, input")[focused]?.focus();
  document.getElementById("map").replaceChildren(...mapTable());
}

function mapRows(quantity) {
  const fixed = otherAxes().filter((entry) => fixedAt(entry) !== MEAN);
  return quantity.values.map((_, row) => row).filter((row) =>
    quantity.values[row] !== null && (!map.source.replicas || DATA.status[row] === "done") && fixed.every((entry) => String(entry.values[row]) === fixedAt(entry)));
}

// Replicas without a solution there, which are not analysed.
function unsolvedRows() {
  if (!map.source.replicas) return [];
  const fixed = otherAxes().filter((entry) => fixedAt(entry) !== MEAN);
  return DATA.status.map((_, row) => row).filter((row) => DATA.status[row] === "unsolved" && fixed.every((entry) => String(entry.values[row]) === fixedAt(entry)));
}

function mapTable() {
  const quantity = map.source.quantities.find((entry) => entry.key === map.quantity);
  const name = map.source.replicas ? headingOf(quantity) : quantity.label;
  const [x, y] = [map.x, map.y].map((wanted) => map.source.axes.find((entry) => entry.name === wanted));
  const columns = distinct(x.values), lines = y ? distinct(y.values) : [null];
  if (columns.length * lines.length > CELLS) return [el("p", {}, "These axes have too many values for a heat map.")];
  const rows = mapRows(quantity), unsolved = unsolvedRows();
  const inCell = (column, line, among = rows) => among.filter((row) => x.values[row] === column && (!y || y.values[row] === line));
  const cells = lines.map((line) => columns.map((column) => inCell(column, line)));
  const values = cells.map((row) => row.map((found) => mean(found.map((number) => quantity.values[number]))));
  const range = extent(values.flat());
  if (!range) return [el("p", {}, `No replica has ${name} there.`)];
  return [
    el("p", { class: "note" }, map.source.replicas ? `${name}, the mean over the replicas of each cell. A cell shows its replicas in the table below.` : name),
    el("div", { class: "wide", tabindex: "0", role: "region", "aria-label": `Heat map of ${name}` }, el("table", { class: "map", id: "map-table" },
      el("thead", {}, el("tr", {}, el("th", { scope: "col" }, `${y ? `${y.label} ↓ ` : ""}${x.label} →`), columns.map((value) => el("th", { scope: "col" }, shown(value))))),
      el("tbody", {}, lines.map((line, row) => el("tr", {}, el("th", { scope: "row" }, y ? shown(line) : ""),
        columns.map((column, place) => mapCell(values[row][place], cells[row][place], range, name, cellWords(x, column, y, line), inCell(column, line, unsolved).length))))))),
    colourBar(range),
    unsolved.length ? el("p", { class: "note scale" }, el("span", { class: "unsolved" }, "\u2003\u2003"), " a replica without a solution, which is not analysed") : null,
  ].filter(Boolean);
}

function cellWords(x, column, y, line) {
  return `${x.label} ${shown(column)}` + (y ? `, ${y.label} ${shown(line)}` : "");
}

// {low, high, log}; null where nothing is known.
function extent(values) {
  const known = values.filter((value) => value !== null);
  if (!known.length) return null;
  const [low, high] = [Math.min(...known), Math.max(...known)];
  return { low, high, log: map.log && low > 0 };
}

function share({ low, high, log }, value) {
  if (high === low) return 0.5;
  return log ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low);
}

function colourAt(part) {
  const place = Math.min(Math.max(part, 0), 1) * (VIRIDIS.length - 1);
  const below = Math.min(Math.floor(place), VIRIDIS.length - 2);
  return VIRIDIS[below].map((value, channel) => Math.round(value + (place - below) * (VIRIDIS[below + 1][channel] - value)));
}

// White or black, whichever stands out more: by the relative luminance of WCAG 2.
function inkOn(colour) {
  const [red, green, blue] = colour.map((value) => value / 255).map((value) => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179 ? "#000" : "#fff";
}

function mapCell(value, rows, range, name, words, unsolved) {
  if (value === null) return el("td", unsolved ? { class: "unsolved", title: `${unsolved} unsolved` } : { class: "empty" }, unsolved ? "unsolved" : "–");
  const colour = colourAt(share(range, value));
  const several = rows.length === 1 ? `replica ${rows[0]}` : `mean of ${rows.length} replicas`;
  const inside = map.source.replicas
    ? el("button", { type: "button", "aria-label": `${name} ${shown(value)} at ${words}, ${several}: show`, title: several, onclick: () => showOnly(rows, `the cell ${words}`) }, shown(value, 3))
    : el("span", {}, shown(value, 3));
  inside.style.backgroundColor = `rgb(${colour.join(" ")})`;
  inside.style.color = inkOn(colour);
  return el("td", unsolved ? { class: "unsolved", title: `${unsolved} unsolved` } : {}, inside);
}

function colourBar(range) {
  const bar = el("span", { class: "bar", "aria-hidden": "true" });
  bar.style.background = `linear-gradient(to right, ${VIRIDIS.map((colour) => `rgb(${colour.join(" ")})`).join(", ")})`;
  return el("p", { class: "note scale" }, shown(range.low), bar, shown(range.high), range.log ? " (logarithmic)" : "");
}
