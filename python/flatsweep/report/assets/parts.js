// Elements, numbers and the page's data, for the other files of this folder.

const DATA = JSON.parse(document.getElementById("explorer-data").textContent);

// An element; what is text stays text. Attributes that begin with "on" are listeners; null and false leave one out.
function el(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (value !== null && value !== false) node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null));
  return node;
}

const SUPERSCRIPTS = { "-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" };

function powerOfTen(exponent) {
  return "10" + [...String(exponent)].map((sign) => SUPERSCRIPTS[sign]).join("");
}

// A value for reading: texts as they are, numbers to `digits` digits, what is no number as a dash.
function shown(value, digits = 4) {
  if (value === null || value === undefined) return "–";
  if (typeof value === "string") return value;
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e6)) {
    const [mantissa, exponent] = value.toExponential(digits - 1).split("e");
    return `${Number(mantissa)}·${powerOfTen(Number(exponent))}`;
  }
  return String(Number(value.toPrecision(digits)));
}

function mean(values) {
  const known = values.filter((value) => value !== null);
  return known.length ? known.reduce((sum, value) => sum + value, 0) / known.length : null;
}

// A menu with a label; `groups`: {title: [[value, text], ...]}, "" without a title.
function menu(label, groups, chosen, onchange) {
  const select = el("select", { onchange: () => onchange(select.value) });
  for (const [title, entries] of Object.entries(groups)) {
    const options = entries.map(([value, text]) => el("option", { value, selected: value === chosen }, text));
    select.append(...(title ? [el("optgroup", { label: title }, options)] : options));
  }
  return el("label", { class: "control" }, el("span", {}, label), select);
}

function box(label, checked, onchange) {
  const input = el("input", { type: "checkbox", checked, onchange: () => onchange(input.checked) });
  return el("label", { class: "control box" }, input, el("span", {}, label));
}

// {title: [[key, label], ...]} of quantities, for `menu`.
function grouped(quantities) {
  const groups = {};
  for (const entry of quantities) (groups[entry.of] ??= []).push([entry.key, entry.label]);
  return groups;
}

function view(name) {
  const section = document.getElementById(name).parentElement;
  section.hidden = false;
  return document.getElementById(`${name}-view`);
}

// The numbers of a replica, unpacked when they are asked for; null of one that left none.
const unpacked = new Map();
async function numbersOf(replica) {
  const pack = DATA.of[replica];
  if (pack === null) return null;
  if (typeof DecompressionStream === "undefined") return { trouble: "this browser is older than 2023 and cannot unpack them" };
  if (!unpacked.has(pack)) {
    const bytes = Uint8Array.from(atob(DATA.packs[pack]), (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    unpacked.set(pack, await new Response(stream).json());
  }
  return unpacked.get(pack);
}
