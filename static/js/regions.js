// Where names stand: boxes over a page, drawn, moved and resized by mouse, finger or keys. A box is a
// row of the form: the numbers there are the one truth, and nothing is saved before Save. Without
// this file the fields and buttons do it all.
const form = document.getElementById("regions-form");
const list = document.getElementById("regions-rows");
const blank = document.getElementById("region-blank");
const back = form.querySelector("[data-back]");
const step = 0.5;
const least = 0.5;
let number = 0;
let drag = null;
let gone = null;

const rows = () => [...list.children];
const view = () => document.getElementById("regions-view");
const svg = () => view().querySelector("[data-boxes]");
const field = (row, name) => row.querySelector(`[data-field=${name}]`);
const rowOf = (box) => document.getElementById(`row-${box.dataset.key}`);
const boxOf = (row) => svg().querySelector(`[data-key="${row.dataset.row}"]`);
const clamp = (value, low, high) => Math.min(high, Math.max(low, value));
const tidy = (value) => String(Math.round(value * 10) / 10);

function place(row) {
  const values = ["x", "y", "w", "h"].map((name) => field(row, name).value.trim().replace(",", "."));
  if (!values.every((value) => /^\d{1,9}(\.\d+)?$/.test(value))) return null;
  const [x, y, w, h] = values.map(Number);
  return { x, y, w, h };
}

// Each number that changed, at the one decimal that a hand can aim at; the others keep all of theirs.
function put(row, to) {
  const from = place(row);
  for (const name of ["x", "y", "w", "h"]) {
    if (!from || Math.abs(from[name] - to[name]) > 0.04) field(row, name).value = tidy(to[name]);
  }
  const at = place(row);
  // Rounded, it may not leave the page.
  for (const [start, length] of [["x", "w"], ["y", "h"]]) {
    if (at[start] + at[length] > 100) field(row, length).value = tidy(99.95 - at[start]);
  }
}

// -- boxes ----------------------------------------------------------------------------------
function element(name, attributes, className) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (className) made.setAttribute("class", className);
  return made;
}

const sides = ({ x, y, w, h }) => ({ x: `${x}%`, y: `${y}%`, width: `${w}%`, height: `${h}%` });

function lay(box, at, row) {
  const [rect, reach, grip, label] = box.children;
  for (const [key, value] of Object.entries(sides(at))) rect.setAttribute(key, value);
  for (const corner of [reach, grip]) {
    corner.setAttribute("x", `${at.x + at.w}%`);
    corner.setAttribute("y", `${at.y + at.h}%`);
  }
  label.setAttribute("x", `${at.x}%`);
  label.setAttribute("y", `${at.y}%`);
  label.textContent = rows().indexOf(row) + 1;
  const told = Object.fromEntries(Object.entries(at).map(([key, value]) => [key, showNumber(value)]));
  box.setAttribute("aria-label", fillText(form.dataset.textBox, { number: label.textContent, ...told }));
}

function draw() {
  const shown = view().dataset.page;
  const here = svg();
  for (const old of here.querySelectorAll(".region:not([data-key]), .region-theirs")) old.remove();
  for (const one of document.querySelectorAll("[data-theirs]")) {
    const { page, x, y, w, h } = one.dataset;
    if (page === shown) here.append(element("rect", sides({ x, y, w, h }), "region-theirs"));
  }
  rows().forEach((row, at) => {
    row.querySelector("[data-number]").textContent = at + 1;
    const where = field(row, "page").value.trim() === shown && place(row);
    let box = boxOf(row);
    if (!where) {
      box?.remove();
      return;
    }
    if (!box) {
      box = element("g", { tabindex: 0, role: "button", "data-key": row.dataset.row }, "region");
      box.append(
        element("rect", {}, "region-box"),
        element("rect", { width: 36, height: 36, transform: "translate(-18 -18)", "data-grip": "" }, "region-reach"),
        element("rect", { width: 12, height: 12, transform: "translate(-6 -6)", "data-grip": "" }, "region-grip"),
        element("text", { dx: 5, dy: 16 }, "region-label"),
      );
    }
    // In the order of the rows, so that Tab goes through them in that order.
    if (box !== here.lastElementChild && document.activeElement !== box) here.append(box);
    lay(box, where, row);
  });
  for (const box of here.querySelectorAll("[data-key]")) if (!rowOf(box)) box.remove();
}

function changed(text) {
  form.dataset.changed = "";
  form.querySelector("[data-unsaved]").hidden = false;
  if (text) document.querySelector("[data-say]").textContent = text;
  draw();
}

// -- rows -----------------------------------------------------------------------------------
function add(at) {
  number += 1;
  const key = `s${number}`;
  const holder = document.createElement("template");
  holder.innerHTML = blank.innerHTML.replaceAll("__key__", key).replaceAll("__page__", view().dataset.page);
  const row = holder.content.firstElementChild;
  row.querySelector("[data-delete]").type = "button";
  list.append(row);
  put(row, at);
  changed(fillText(form.dataset.textAdded, { number: rows().length }));
  return row;
}

function remove(row) {
  const name = rows().indexOf(row) + 1;
  const next = row.nextElementSibling || row.previousElementSibling;
  const wasBox = document.activeElement === boxOf(row);
  gone = { row, before: row.nextElementSibling };
  row.remove();
  back.hidden = false;
  changed(fillText(form.dataset.textDeleted, { number: name }));
  const box = next && boxOf(next);
  if (wasBox && box) box.focus();
  else back.focus();
}

back.addEventListener("click", () => {
  if (gone.before?.isConnected) gone.before.before(gone.row);
  else list.append(gone.row);
  back.hidden = true;
  changed(form.dataset.textBack);
  (boxOf(gone.row) || field(gone.row, "page")).focus();
});

form.addEventListener("click", (event) => {
  const button = event.target.closest("[data-delete], [data-add], [data-finger]");
  if (!button) return;
  event.preventDefault();
  if ("delete" in button.dataset) remove(button.closest("[data-row]"));
  else if ("add" in button.dataset) boxOf(add({ x: 5, y: 3, w: 50, h: 8 })).focus();
  else finger(button.getAttribute("aria-pressed") !== "true");
});

form.addEventListener("input", () => changed(""));

form.addEventListener("focusin", (event) => {
  const row = event.target.closest("[data-row]") || (event.target.dataset.key && rowOf(event.target));
  for (const old of form.querySelectorAll(".is-here")) old.classList.remove("is-here");
  if (!row) return;
  row.classList.add("is-here");
  boxOf(row)?.classList.add("is-here");
});

// -- keys -----------------------------------------------------------------------------------
const ways = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] };

form.addEventListener("keydown", (event) => {
  const box = event.target.closest("[data-key]");
  if (!box || event.ctrlKey || event.metaKey || event.altKey) return;
  const row = rowOf(box);
  if (event.key === "Delete" || event.key === "Backspace") remove(row);
  else if (event.key === "Enter") field(row, "x").focus();
  else if (event.key in ways) push(row, ways[event.key], event.shiftKey);
  else return;
  event.preventDefault();
});

function push(row, [across, down], isSize) {
  const at = place(row);
  if (isSize) {
    at.w = clamp(at.w + across, least, 100 - at.x);
    at.h = clamp(at.h + down, least, 100 - at.y);
  } else {
    at.x = clamp(at.x + across, 0, 100 - at.w);
    at.y = clamp(at.y + down, 0, 100 - at.h);
  }
  put(row, at);
  changed("");
}

// -- mouse and finger -----------------------------------------------------------------------
// A finger on the page scrolls, but for a box that is there, and while drawing is turned on.
function finger(isOn) {
  const button = view().querySelector("[data-finger]");
  button.setAttribute("aria-pressed", isOn);
  svg().classList.toggle("is-drawing", isOn);
}

function point(event) {
  const box = svg().getBoundingClientRect();
  return {
    x: clamp(((event.clientX - box.left) / box.width) * 100, 0, 100),
    y: clamp(((event.clientY - box.top) / box.height) * 100, 0, 100),
  };
}

form.addEventListener("pointerdown", (event) => {
  const here = event.target.closest("[data-boxes]");
  if (!here || event.button || drag) return;
  const box = event.target.closest("[data-key]");
  if (!box && event.pointerType === "touch" && !here.classList.contains("is-drawing")) return;
  event.preventDefault();
  const row = box && rowOf(box);
  const kind = !box ? "draw" : "grip" in event.target.dataset ? "size" : "move";
  drag = { kind, row, id: event.pointerId, start: point(event), at: row && place(row) };
  here.setPointerCapture(event.pointerId);
  box?.focus();
});

form.addEventListener("pointermove", (event) => {
  if (!drag || event.pointerId !== drag.id) return;
  const now = point(event);
  const { start, kind } = drag;
  if (kind === "draw") {
    const to = { x: Math.min(start.x, now.x), y: Math.min(start.y, now.y), w: Math.abs(now.x - start.x), h: Math.abs(now.y - start.y) };
    // A click, or a hand that shook, is no box.
    if (!drag.row && (to.w < 1 || to.h < least)) return;
    to.w = clamp(to.w, least, 100 - to.x);
    to.h = clamp(to.h, least, 100 - to.y);
    if (drag.row) put(drag.row, to);
    else drag.row = add(to);
  } else {
    const at = { ...drag.at };
    if (kind === "size") {
      at.w = clamp(at.w + now.x - start.x, least, 100 - at.x);
      at.h = clamp(at.h + now.y - start.y, least, 100 - at.y);
    } else {
      at.x = clamp(at.x + now.x - start.x, 0, 100 - at.w);
      at.y = clamp(at.y + now.y - start.y, 0, 100 - at.h);
    }
    put(drag.row, at);
  }
  changed("");
});

function drop(event) {
  if (!drag || event.pointerId !== drag.id) return;
  const { row, kind } = drag;
  drag = null;
  if (row) boxOf(row)?.focus();
  if (row && kind === "draw") finger(false);
}

form.addEventListener("pointerup", drop);
form.addEventListener("pointercancel", drop);

// -- another page, leaving ------------------------------------------------------------------
function begin() {
  const here = svg();
  here.removeAttribute("aria-hidden");
  here.removeAttribute("focusable");
  draw();
}

document.addEventListener("htmx:afterSettle", (event) => {
  if (event.detail.elt.id === "regions-view") begin();
});

form.addEventListener("submit", () => delete form.dataset.changed);
window.addEventListener("beforeunload", (event) => {
  if ("changed" in form.dataset) event.preventDefault();
});

document.documentElement.classList.add("regions-script");
for (const button of form.querySelectorAll("[data-delete], [data-add]")) button.type = "button";
begin();
form.querySelector(".is-invalid")?.focus();
