// Mapping and pages: a page opens large without leaving the list, and after a click on a row
// the focus stays at that row or page. Everything works without this file.
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-zoom]");
  const dialog = document.querySelector("[data-zoom-dialog]");
  if (!link || !dialog || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const picture = dialog.querySelector("img");
  picture.src = link.href;
  picture.alt = link.getAttribute("aria-label");
  dialog.showModal();
  dialog.scrollTop = 0;
});

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-help]")) document.querySelector("dialog.keys")?.showModal();
  // A click beside the picture closes: the dialog itself is only its backdrop and padding.
  if (event.target.matches("dialog[data-zoom-dialog]")) event.target.close();
});

// News wait while somebody is in a row that they could change: nothing moves under their hands.
document.addEventListener("htmx:beforeRequest", (event) => {
  const row = document.activeElement?.closest("[data-row]");
  const waits = event.target.id === "mapping-progress" && row?.querySelector("[name=waiting]");
  if (waits) event.preventDefault();
});

document.addEventListener("htmx:oobBeforeSwap", (event) => {
  const { target } = event.detail;
  if (target.matches("[data-row]") && target.contains(document.activeElement)) event.preventDefault();
});

// After a decision the keyboard goes on to the next sheet that needs one, at the end to the first.
let decided = null;
document.addEventListener("htmx:beforeSwap", (event) => {
  const { target } = event.detail;
  if (target.matches?.("[data-row]")) decided = target.matches("[data-undecided]") ? target.id : null;
});

document.addEventListener("htmx:afterSettle", (event) => {
  const row = event.detail.elt;
  if (!row.matches?.("[data-row]") || event.detail.requestConfig?.elt.id === "mapping-progress") return;
  const problem = row.querySelector("[role=alert]");
  const field = problem && row.querySelector("input[name=student]");
  const goesOn = decided === row.id && !problem && !row.matches("[data-undecided]");
  decided = null;
  if (goesOn) goTo(nextUndecided(row) ?? row);
  else (field || row).focus({ preventScroll: true });
});

function nextUndecided(row) {
  const all = [...document.querySelectorAll("[data-row]")];
  const at = all.indexOf(row);
  return [...all.slice(at + 1), ...all.slice(0, at)].find((one) => one.matches("[data-undecided]"));
}

function goTo(row) {
  row?.focus({ preventScroll: true });
  row?.scrollIntoView({ block: "nearest" });
}

// Keys of the list: from sheet to sheet, and the buttons of the one that has the focus.
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || !document.querySelector(".sheet-rows")) return;
  const typing = event.target.closest("input:not([type=hidden]), textarea, select, dialog[open]");
  if (typing) {
    if (event.key === "Escape") event.target.closest("[data-row]")?.focus();
    return;
  }
  const here = document.activeElement?.closest("[data-row]");
  if (event.key === "j" || event.key === "k") {
    const all = [...document.querySelectorAll("[data-row]")];
    const at = all.indexOf(here) + (event.key === "j" ? 1 : -1);
    const next = all[here ? Math.min(all.length - 1, Math.max(0, at)) : 0];
    event.preventDefault();
    goTo(next);
    return;
  }
  if (event.key === "?") {
    event.preventDefault();
    document.querySelector("dialog.keys")?.showModal();
    return;
  }
  const wanted = here?.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
  if (!wanted) return;
  event.preventDefault();
  if (wanted.matches("input")) wanted.focus();
  else wanted.click();
});

document.documentElement.classList.add("mapping-script");

// A page's button may be gone or off after the click (dropped, or moved to an end): then the
// focus goes to the first button that its card has now.
document.addEventListener("htmx:beforeRequest", (event) => {
  const card = event.target.closest(".page-card");
  if (card) document.body.dataset.card = card.id;
});

document.addEventListener("htmx:afterSettle", (event) => {
  const { card } = document.body.dataset;
  if (event.detail.elt.id !== "sheet-pages" || !card) return;
  delete document.body.dataset.card;
  if (document.activeElement && document.activeElement !== document.body) return;
  document.getElementById(card)?.querySelector("button:enabled")?.focus({ preventScroll: true });
});
