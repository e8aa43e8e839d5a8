// The pages of a sheet: reorder them by drag or with the arrow keys, turn and drop with a key.
// Every move is the same request as that of the buttons, which do it without this file.
const drag = { card: null };

const cards = () => [...document.querySelectorAll("#sheet-pages .page-card")];

function move(card, to) {
  const at = Number(card.dataset.page);
  const last = cards().length;
  const place = Math.min(last, Math.max(1, to));
  if (place === at) return;
  document.body.dataset.card = card.id;
  window.htmx.ajax("POST", card.dataset.move, {
    source: card,
    target: "#sheet-pages",
    swap: "outerHTML",
    values: { to: place },
  });
}

document.addEventListener("keydown", (event) => {
  const card = event.target.closest("#sheet-pages .page-card[data-page]");
  if (!card || event.target.matches("input") || event.ctrlKey || event.metaKey) return;
  const onHandle = event.target.matches("[data-handle]");
  const at = Number(card.dataset.page);
  const steps = { ArrowLeft: at - 1, ArrowUp: at - 1, ArrowRight: at + 1, ArrowDown: at + 1, Home: 1, End: cards().length };
  if (onHandle && event.key in steps && !event.altKey) {
    event.preventDefault();
    move(card, steps[event.key]);
    return;
  }
  const keys = { "[": "left", "]": "right", Delete: card.querySelector("[id^=restore-]") ? "restore" : "drop" };
  const button = keys[event.key] && card.querySelector(`[id^=${keys[event.key]}-]`);
  if (!button) return;
  event.preventDefault();
  button.click();
});

// The card before which the dragged one would stand; null for the end.
function before(event) {
  const rest = cards().filter((card) => card !== drag.card);
  return (
    rest.find((card) => {
      const box = card.getBoundingClientRect();
      if (event.clientY > box.bottom) return false;
      return event.clientY < box.top || event.clientX < box.left + box.width / 2;
    }) || null
  );
}

function unmark() {
  for (const card of cards()) card.classList.remove("drop-before", "drop-after", "is-dragged");
}

document.addEventListener("pointerdown", (event) => {
  const handle = event.target.closest("#sheet-pages [data-handle]");
  if (!handle || event.button) return;
  Object.assign(drag, { card: handle.closest(".page-card"), x: event.clientX, y: event.clientY, on: false });
  handle.setPointerCapture(event.pointerId);
});

document.addEventListener("pointermove", (event) => {
  if (!drag.card) return;
  if (!drag.on && Math.hypot(event.clientX - drag.x, event.clientY - drag.y) < 5) return;
  drag.on = true;
  unmark();
  drag.card.classList.add("is-dragged");
  const next = before(event);
  if (next) next.classList.add("drop-before");
  else cards().filter((card) => card !== drag.card).at(-1)?.classList.add("drop-after");
  if (event.clientY < 60) window.scrollBy(0, -12);
  if (event.clientY > window.innerHeight - 60) window.scrollBy(0, 12);
});

function drop(event) {
  const { card, on } = drag;
  if (!card) return;
  const rest = cards().filter((one) => one !== card);
  const next = on && event.type === "pointerup" ? before(event) : undefined;
  drag.card = null;
  unmark();
  if (next === undefined || !card.isConnected) return;
  move(card, next ? rest.indexOf(next) + 1 : rest.length + 1);
}

document.addEventListener("pointerup", drop);
document.addEventListener("pointercancel", drop);

// The handle keeps the focus, so that a page can be moved on with the next key.
document.addEventListener("htmx:afterSettle", (event) => {
  const { card } = document.body.dataset;
  if (event.detail.elt.id !== "sheet-pages" || !card) return;
  document.getElementById(card)?.querySelector("[data-handle]")?.focus({ preventScroll: true });
  delete document.body.dataset.card;
});
