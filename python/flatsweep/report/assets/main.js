// Fills the page, and opens the replica that its address names.

Chart.defaults.font.family = "system-ui, sans-serif";

function firstReplica() {
  const named = /^#replica-(\d+)$/.exec(location.hash);
  if (named && Number(named[1]) < DATA.status.length) return Number(named[1]);
  return Math.max(DATA.status.indexOf("done"), 0);
}

async function start() {
  buildHeatMap();
  buildTable();
  if (DATA.status.length) await openReplica(firstReplica(), false);
  document.documentElement.dataset.ready = "yes";
}

start();
