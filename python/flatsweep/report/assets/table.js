// The table of replicas: sorted by any column, filtered, opened.

const ROWS = 300; // shown at a time

// Columns: the replica's number, its axes, its status, quantities.
const REPLICA_COLUMNS = [
  { key: "replica", label: "replica", values: DATA.status.map((_, row) => row) },
  ...DATA.axes.map((entry) => ({ key: entry.name, label: entry.label, values: entry.values })),
  { key: "status", label: "status", values: DATA.status },
];
const SEVERAL_LAYERS = new Set(DATA.quantities.map((entry) => entry.of.split(" ")[1]).filter(Boolean)).size > 1;
const QUANTITY_COLUMNS = DATA.quantities.map((entry) => ({ ...entry, label: headingOf(entry) }));

// "walk psi"; with several layers "walk psi (fc2)".
function headingOf(entry) {
  const layer = entry.of.split(" ")[1];
  const known = { "training/train_loss": "train loss", "training/test_loss": "test loss", "training/train_error": "train error", "training/test_error": "test error" };
  const name = (known[entry.key] ?? entry.label).replace(/\bpsi d\b/, "ψ_D").replace(/\bpsi tau\b/, "ψ_τ").replace(/\bpsi\b/, "ψ").replace(/^learning dimension$/, "Dₗ");
  return SEVERAL_LAYERS && layer ? `${name} (${layer})` : name;
}

const table = { sort: "replica", down: false, filter: "", only: null, shown: DATA.first.slice() };

function tableColumns() {
  return [...REPLICA_COLUMNS, ...table.shown.map((key) => QUANTITY_COLUMNS.find((column) => column.key === key))];
}

const TERM = /^([^<>=!]+)(<=|>=|!=|=|<|>)(.+)$/;

// The column a filter names: by its key, the last part of it, or its heading.
function columnNamed(name) {
  const plain = (text) => text.toLowerCase().replaceAll(" ", "_");
  const wanted = plain(name);
  return [...REPLICA_COLUMNS, ...QUANTITY_COLUMNS].find((column) =>
    [column.key, column.key.split("/").pop(), column.label].some((text) => plain(text) === wanted));
}

const COMPARISONS = {
  "=": (a, b) => a === b, "!=": (a, b) => a !== b, "<": (a, b) => a < b, ">": (a, b) => a > b, "<=": (a, b) => a <= b, ">=": (a, b) => a >= b,
};

// Does a term hold in a row? Throws a sentence where it makes no sense.
function condition(term) {
  const match = TERM.exec(term);
  if (!match) return (row) => tableColumns().some((column) => shown(column.values[row]).toLowerCase().includes(term.toLowerCase()));
  const column = columnNamed(match[1]);
  if (!column) throw new Error(`There is no column “${match[1]}”.`);
  const number = Number(match[3]);
  return (row) => {
    const value = column.values[row];
    if (value === null) return false;
    return typeof value === "number" && !Number.isNaN(number) ? COMPARISONS[match[2]](value, number)
                                                               : COMPARISONS[match[2]](String(value), match[3]);
  };
}

function rowsShown() {
  const conditions = table.filter.trim().split(/\s+/).filter(Boolean).map(condition);
  const rows = DATA.status.map((_, row) => row).filter((row) => (!table.only || table.only.rows.includes(row)) && conditions.every((holds) => holds(row)));
  const column = tableColumns().find((entry) => entry.key === table.sort) ?? REPLICA_COLUMNS[0];
  const sign = table.down ? -1 : 1;
  return rows.sort((a, b) => {
    const [left, right] = [column.values[a], column.values[b]];
    if (left === null || right === null) return (left === null) - (right === null); // what is not there stands last either way
    const order = typeof left === "number" && typeof right === "number" ? left - right : String(left).localeCompare(String(right));
    return sign * order || a - b;
  });
}

function buildTable() {
  const host = view("replicas");
  const filter = el("input", { type: "search", id: "replica-filter", "aria-describedby": "filter-help", autocomplete: "off", spellcheck: "false",
                               oninput: () => { table.filter = filter.value; drawTable(); } });
  host.append(
    el("div", { class: "controls" },
      el("label", { class: "control grow" }, el("span", {}, "Filter"), filter), columnAdder()),
    el("p", { class: "note", id: "filter-help" }, "Words, or comparisons of columns, all of which have to hold, as in ",
      el("code", {}, DATA.axes.length ? `${DATA.axes[0].name}=${DATA.axes[0].values[0]} status=done` : "status=done"), ". A heading sorts, a number opens its replica."),
    el("p", { id: "replica-count", role: "status" }),
    el("div", { class: "wide", tabindex: "0", role: "region", "aria-label": "Table of replicas" }, el("table", { id: "replica-table" })));
  drawTable();
}

// A menu of all quantities with a button: a menu that acts by itself cannot be gone through by the keyboard.
function columnAdder() {
  if (!QUANTITY_COLUMNS.length) return null;
  let chosen = QUANTITY_COLUMNS[0].key;
  const change = (add) => {
    table.shown = table.shown.filter((key) => key !== chosen);
    if (add) table.shown.push(chosen);
    drawTable();
  };
  return el("div", { class: "pair" }, menu("Column", grouped(DATA.quantities), chosen, (key) => { chosen = key; }),
    el("button", { type: "button", id: "add-column", onclick: () => change(true) }, "Show"),
    el("button", { type: "button", id: "remove-column", onclick: () => change(false) }, "Hide"));
}

function drawTable() {
  const count = document.getElementById("replica-count");
  let rows;
  try {
    rows = rowsShown();
  } catch (error) {
    count.textContent = error.message;
    return;
  }
  const hidden = rows.length > ROWS ? ` The first ${ROWS} are shown.` : "";
  count.replaceChildren(`${rows.length} of ${DATA.status.length} replicas${table.only ? ` of ${table.only.words}` : ""}.${hidden} `);
  if (table.only) count.append(el("button", { type: "button", id: "show-all", onclick: () => { table.only = null; drawTable(); } }, "Show all"));
  const columns = tableColumns();
  document.getElementById("replica-table").replaceChildren(
    el("thead", {}, el("tr", {}, columns.map(heading))),
    el("tbody", {}, rows.slice(0, ROWS).map((row) => el("tr", { "data-row": row, class: row === opened.number ? "opened" : null },
      columns.map((column) => cell(column, row))))));
}

function heading(column) {
  const sorted = table.sort === column.key;
  const sort = () => {
    table.down = sorted && !table.down;
    table.sort = column.key;
    drawTable();
    document.querySelector(`#replica-table button[data-key="${CSS.escape(column.key)}"]`).focus();
  };
  return el("th", { scope: "col", "aria-sort": sorted ? (table.down ? "descending" : "ascending") : "none" },
    el("button", { type: "button", "data-key": column.key, title: column.of ? `${column.of}: ${column.label}` : null, onclick: sort },
      column.label, el("span", { class: "arrow", "aria-hidden": "true" }, sorted ? (table.down ? " ▼" : " ▲") : "")));
}

function cell(column, row) {
  const value = column.values[row];
  if (column.key === "replica") {
    return el("td", {}, el("button", { type: "button", class: "open", "aria-label": `Open replica ${row}`, onclick: () => openReplica(row, true) }, String(row)));
  }
  const words = { done: "done", diverged: "bad", failed: "bad", unsolved: "unsolved" };
  return el("td", { class: typeof value === "string" ? "text" : null },
    column.key === "status" ? el("span", { class: words[value] ?? null }, value) : shown(value));
}

// Shows these rows alone; `words` says what they are.
function showOnly(rows, words) {
  table.only = { rows, words };
  drawTable();
  const title = document.getElementById("replicas");
  title.scrollIntoView();
  title.focus({ preventScroll: true });
}
