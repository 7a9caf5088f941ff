// Fills the page, and opens the replica that its address names.

Chart.defaults.font.family = "system-ui, sans-serif";

function namedReplica() {
  const named = /^#replica-(\d+)$/.exec(location.hash);
  return named && Number(named[1]) < DATA.status.length ? Number(named[1]) : null;
}

async function start() {
  buildHeatMap();
  buildTable();
  const named = namedReplica();
  if (DATA.status.length) await openReplica(named ?? Math.max(DATA.status.indexOf("done"), 0), named !== null);
  document.documentElement.dataset.ready = "yes";
}

start();
