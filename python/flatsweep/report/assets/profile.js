// The loss along one direction of a replica: what was stored of it, or what is known without it.

const STEPS = 1000;

// What there is of direction `row` of a cloud: {series, words}; ln L is counted from ln L_0, so that the crossings lie at 1.
function profileOf(cloud, row) {
  const crossings = ["left", "right"].map((side) => cloud[side]?.[row] ?? null);
  const marks = points("crossings of ln L₀ + 1", crossings.filter((theta) => theta !== null), crossings.filter((theta) => theta !== null).map(() => 1), INK.red, "circle", 5);
  const stored = cloud.profiles[row];
  if (stored) {
    const [reach, theta, above] = stored;
    return { series: [line("ln L − ln L₀, measured", theta.map((value) => value * reach / STEPS), above.map((value) => value / STEPS), INK.blue, "solid", 2.5), marks],
             words: `Drawn are ${theta.length} points where the loss was measured, joined by straight lines` };
  }
  return { series: [parabola(cloud, row, crossings), marks].filter(Boolean),
           words: "The page holds no losses along this direction. Drawn are the crossings and the parabola of slope and curvature at 0, which is no measurement" };
}

function parabola(cloud, row, crossings) {
  const [slope, curvature] = [cloud.slope?.[row] ?? null, cloud.curvature?.[row] ?? null];
  const known = crossings.filter((theta) => theta !== null);
  if (slope === null || curvature === null || !known.length) return null;
  const reach = Math.max(...known.map(Math.abs));
  const theta = Array.from({ length: 41 }, (_, place) => reach * (place / 20 - 1));
  return line("slope and curvature at 0", theta, theta.map((value) => slope * value + curvature * value * value / 2), INK.grey, "dashed");
}

function level(series) {
  const all = series.flatMap((entry) => entry.data.map((point) => point.x));
  const reach = all.length ? Math.max(...all.map(Math.abs)) : 1;
  return line("ln L₀ + 1", [-reach, reach], [1, 1], INK.grey, "dotted");
}

function statusOf(cloud, row) {
  return cloud.words[cloud.status[row]] ?? "not known";
}

// The direction in one sentence.
function directionWords(cloud, row, drawnWords) {
  const width = cloud.flatness[row];
  return `Direction ${cloud.direction[row] + 1}: F = ${width === null ? "none" : shown(width)}, σ² = ${shown(cloud.variance?.[row] ?? null)}, status ${statusOf(cloud, row)}. ${drawnWords}.`;
}
