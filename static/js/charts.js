// Charts above tables. A table with data-chart holds the figures; this file draws them once more
// as bars, so that both are always the same. Without script the table stands alone.
//
//   <table data-chart="bar" data-percent data-stacked data-horizontal data-place="id of the chart's place">
//     <caption>…</caption> <thead>… <th data-series="Sheets">… <tbody>… <th scope="row">, <td data-value="3">
(() => {
  const css = getComputedStyle(document.documentElement);
  const ink = css.getPropertyValue("--bs-body-color").trim() || "#1e2724";
  const line = css.getPropertyValue("--sheaf-line").trim() || "#dfe5e2";
  const COLOURS = ["#3d7f6f", "#a9cdbf", "#e0a63a", "#6b3d91"];

  function seriesOf(table) {
    const heads = [...table.tHead.rows[0].cells];
    return heads.flatMap((head, column) =>
      head.dataset.series === undefined ? [] : [{ column, name: head.dataset.series || head.textContent.trim() }],
    );
  }

  function draw(table) {
    const rows = [...table.tBodies[0].rows];
    const series = seriesOf(table);
    if (!rows.length || !series.length) return;
    const percent = "percent" in table.dataset;
    const stacked = "stacked" in table.dataset;
    const across = "horizontal" in table.dataset;
    const box = document.createElement("div");
    box.className = across ? "chart chart-across" : "chart";
    const canvas = document.createElement("canvas");
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", table.caption ? table.caption.textContent.trim() : "");
    box.append(canvas);
    // As tall as the bars need; a style set by script is no inline style for the policy.
    if (across) box.style.height = `${4 + rows.length * (stacked ? 1.6 : 1.6 * series.length)}rem`;
    const place = document.getElementById(table.dataset.place);
    if (place) place.append(box);
    else (table.closest(".table-card") || table).before(box);
    const show = (value) => (percent ? `${Math.round(value * 100)} %` : showNumber(value));
    const value = { beginAtZero: true, stacked, grid: { color: line }, ticks: { callback: show, precision: percent ? undefined : 0 } };
    if (percent) Object.assign(value, { min: Math.min(0, Number(table.dataset.min || 0)), max: 1 });
    const names = { stacked, grid: { display: false }, ticks: { autoSkip: false } };
    new Chart(canvas, {
      type: "bar",
      data: {
        labels: rows.map((row) => row.dataset.label || row.cells[0].textContent.trim()),
        datasets: series.map(({ column, name }, place) => ({
          label: name,
          data: rows.map((row) => {
            const text = row.cells[column].dataset.value;
            return text === undefined || text === "" ? null : Number(text);
          }),
          backgroundColor: COLOURS[place % COLOURS.length],
          borderRadius: 2,
          maxBarThickness: 46,
        })),
      },
      options: {
        indexAxis: across ? "y" : "x",
        maintainAspectRatio: false,
        animation: false,
        color: ink,
        scales: across ? { x: value, y: names } : { x: names, y: value },
        plugins: {
          legend: { display: series.length > 1, position: "bottom", labels: { boxWidth: 14 } },
          tooltip: {
            callbacks: {
              label: (item) => `${item.dataset.label}: ${show(item.raw)}`,
            },
          },
        },
      },
    });
  }

  document.addEventListener("DOMContentLoaded", () => {
    if (typeof Chart === "undefined") return;
    Chart.defaults.font.family = css.getPropertyValue("--bs-body-font-family").trim() || "sans-serif";
    for (const table of document.querySelectorAll("table[data-chart]")) draw(table);
  });
})();
