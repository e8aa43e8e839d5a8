// The rubric's editor: rows are moved, added and deleted in the page, by drag or keyboard, and the
// totals follow. Nothing is saved before Save. Without this file every button posts the form.
const form = document.getElementById("rubric-form");
const list = document.getElementById("rubric-rows");
const blank = document.getElementById("rubric-blank");
const deepest = Number(form.dataset.maxDepth) - 1;
const indent = 32;
let number = 0;

const rows = () => [...list.children];
const depth = (row) => Number(row.dataset.depth);
const field = (row, name) => row.querySelector(`[name=${name}]`);
const label = (row) => field(row, "code").value.trim() || field(row, "description").value.trim().slice(0, 30);

function block(row) {
  const found = [row];
  let next = row.nextElementSibling;
  while (next && depth(next) > depth(row)) {
    found.push(next);
    next = next.nextElementSibling;
  }
  return found;
}

function before(row) {
  let other = row.previousElementSibling;
  while (other && depth(other) > depth(row)) other = other.previousElementSibling;
  return other;
}

function setDepth(row, value) {
  row.classList.replace(`row-depth-${row.dataset.depth}`, `row-depth-${value}`);
  row.dataset.depth = value;
  field(row, "depth").value = value;
}

const deepen = (moved, by) => moved.forEach((row) => setDepth(row, depth(row) + by));
const fits = (moved, by) => Math.max(...moved.map(depth)) + by <= deepest;

// -- totals ---------------------------------------------------------------------------------
function points(row, name) {
  const text = field(row, name).value.trim().replace(",", ".");
  return /^\d{1,9}(\.\d{1,9})?$/.test(text) ? Number(text) : 0;
}

const shown = (value) => showNumber(value, { maximumFractionDigits: 2 });

function total() {
  const all = rows();
  const kinds = [];
  const above = [];
  all.forEach((row, at) => {
    above.length = depth(row);
    kinds[at] = field(row, "kind").value || above.at(-1) || "base";
    above.push(kinds[at]);
  });
  const inner = all.map((row, at) => Boolean(all[at + 1]) && depth(all[at + 1]) > depth(row));
  let sum = 0;
  all.forEach((row, at) => {
    row.classList.toggle("is-inner", inner[at]);
    if (!inner[at]) {
      if (kinds[at] === "base") sum += points(row, "marks");
      return;
    }
    const inside = block(row).slice(1).map((one) => all.indexOf(one));
    const own = inside.filter((one) => !inner[one] && kinds[one] === kinds[at]);
    row.querySelector("[data-sum]").textContent = shown(
      own.reduce((marks, one) => marks + points(all[one], "marks"), 0),
    );
  });
  form.querySelector("[data-total]").textContent = shown(sum);
}

// -- changes --------------------------------------------------------------------------------
function changed(text) {
  form.dataset.changed = "";
  form.querySelector("[data-unsaved]").hidden = false;
  if (text) document.querySelector("[data-say]").textContent = text;
  total();
}

function nextCode(row, at) {
  const taken = new Set(rows().map((one) => field(one, "code").value.trim().toLowerCase()));
  const free = (name) => !taken.has(name.toLowerCase());
  if (!at) {
    let count = rows().filter((one) => !depth(one)).length + 1;
    while (!free(`Q${count}`)) count += 1;
    return `Q${count}`;
  }
  let parent = row;
  while (parent && depth(parent) >= at) parent = parent.previousElementSibling;
  const code = parent ? field(parent, "code").value.trim() : "";
  if (!code) return "";
  const ends = /\d$/.test(code) ? [..."abcdefghijklmnopqrstuvwxyz"] : [...Array(200).keys()].slice(1);
  const end = ends.find((one) => free(`${code}${one}`));
  return end === undefined ? "" : `${code}${end}`;
}

function add(after, at) {
  number += 1;
  const holder = document.createElement("template");
  holder.innerHTML = blank.innerHTML.replaceAll("__key__", `s${number}`);
  const row = holder.content.firstElementChild;
  const code = nextCode(after, at);
  if (after) after.after(row);
  else list.prepend(row);
  setDepth(row, at);
  field(row, "code").value = code;
  field(row, code ? "description" : "code").focus();
  changed(fillText(form.dataset.textAdded, { name: code }));
}

const acts = {
  add: () => add(list.lastElementChild, 0),
  below: (row) => add(block(row).at(-1), depth(row)),
  inside: (row) => depth(row) < deepest && add(block(row).at(-1), depth(row) + 1),
  up(row) {
    const other = before(row);
    if (!other || depth(other) !== depth(row)) return;
    other.before(...block(row));
    changed(fillText(form.dataset.textMoved, { name: label(row) }));
  },
  down(row) {
    const moved = block(row);
    const other = moved.at(-1).nextElementSibling;
    if (!other || depth(other) !== depth(row)) return;
    block(other).at(-1).after(...moved);
    changed(fillText(form.dataset.textMoved, { name: label(row) }));
  },
  in(row) {
    const other = before(row);
    if (!other || depth(other) !== depth(row) || !fits(block(row), 1)) return;
    deepen(block(row), 1);
    changed(fillText(form.dataset.textMoved, { name: label(row) }));
  },
  out(row) {
    if (!depth(row)) return;
    let parent = row.previousElementSibling;
    while (depth(parent) >= depth(row)) parent = parent.previousElementSibling;
    const moved = block(row);
    block(parent).at(-1).after(...moved);
    deepen(moved, -1);
    changed(fillText(form.dataset.textMoved, { name: label(row) }));
  },
  delete(row) {
    const gone = block(row);
    const next = gone.at(-1).nextElementSibling;
    const nearest = next || row.previousElementSibling;
    const name = label(row);
    gone.forEach((one) => one.remove());
    undo(gone, next);
    (nearest ? nearest.querySelector("[data-act=delete]") : form.querySelector("[data-act=add]")).focus();
    changed(fillText(form.dataset.textDeleted, { name }));
  },
};

// What was deleted by mistake comes back where it stood.
function undo(gone, next) {
  form.querySelector("[data-undo]")?.remove();
  const button = document.createElement("button");
  button.type = "button";
  button.className = "btn btn-link ms-3";
  button.dataset.undo = "";
  button.textContent = fillText(form.dataset.textBring, { name: label(gone[0]) });
  button.addEventListener("click", () => {
    if (next?.isConnected && depth(next) <= depth(gone[0])) next.before(...gone);
    else list.append(...gone);
    rows().forEach((row) => {
      const most = row.previousElementSibling ? depth(row.previousElementSibling) + 1 : 0;
      if (depth(row) > most) setDepth(row, most);
    });
    button.remove();
    field(gone[0], "code").focus();
    changed(fillText(form.dataset.textBack, { name: label(gone[0]) }));
  });
  form.querySelector("[data-act=add]").after(button);
}

form.addEventListener("click", (event) => {
  const button = event.target.closest("[data-act]");
  if (!button) return;
  event.preventDefault();
  const row = button.closest("[data-row]");
  acts[button.dataset.act](row);
  if (row?.isConnected && ["up", "down", "in", "out"].includes(button.dataset.act)) button.focus();
});

form.addEventListener("keydown", (event) => {
  const row = event.target.closest("[data-row]");
  if (row && event.key === "Enter" && event.target.matches("input") && !event.isComposing) {
    event.preventDefault();
    if (event.ctrlKey || event.metaKey) form.requestSubmit(form.querySelector('[value="save"]'));
    else acts.below(row);
    return;
  }
  const onHandle = event.target.matches("[data-handle]");
  const act = { ArrowUp: "up", ArrowDown: "down", ArrowLeft: "out", ArrowRight: "in" }[event.key];
  if (!row || !act || event.ctrlKey || event.metaKey || event.altKey === onHandle) return;
  event.preventDefault();
  const focused = document.activeElement;
  acts[act](row);
  focused.focus();
  row.scrollIntoView({ block: "nearest" });
});

form.addEventListener("input", () => changed(""));

// -- drag -----------------------------------------------------------------------------------
const drag = { row: null };

function place(event) {
  const rest = rows().filter((row) => !drag.moved.includes(row));
  const next = rest.find((row) => {
    const box = row.getBoundingClientRect();
    return event.clientY < box.top + box.height / 2;
  });
  const previous = next ? rest[rest.indexOf(next) - 1] : rest.at(-1);
  const height = Math.max(...drag.moved.map(depth)) - depth(drag.row);
  const least = next ? depth(next) : 0;
  const most = Math.min(previous ? depth(previous) + 1 : 0, deepest - height);
  const wanted = drag.depth + Math.round((event.clientX - drag.x) / indent);
  return { next, depth: Math.min(most, Math.max(least, wanted)), allowed: least <= most };
}

function unmark() {
  list.querySelector(".drop-before")?.classList.remove("drop-before");
  list.classList.remove("drop-end");
}

form.addEventListener("pointerdown", (event) => {
  const handle = event.target.closest("[data-handle]");
  if (!handle || event.button) return;
  const row = handle.closest("[data-row]");
  Object.assign(drag, { row, moved: block(row), depth: depth(row), x: event.clientX, y: event.clientY, on: false });
  handle.setPointerCapture(event.pointerId);
});

form.addEventListener("pointermove", (event) => {
  if (!drag.row) return;
  if (!drag.on && Math.hypot(event.clientX - drag.x, event.clientY - drag.y) < 5) return;
  drag.on = true;
  drag.moved.forEach((row) => row.classList.add("is-dragged"));
  const to = place(event);
  unmark();
  if (!to.allowed) return;
  if (to.next) to.next.classList.add("drop-before");
  else list.classList.add("drop-end");
  deepen(drag.moved, to.depth - depth(drag.row));
  if (event.clientY < 60) window.scrollBy(0, -12);
  if (event.clientY > window.innerHeight - 100) window.scrollBy(0, 12);
});

function drop(event) {
  const { row, moved, on } = drag;
  if (!row) return;
  const to = on && event.type === "pointerup" ? place(event) : null;
  drag.row = null;
  unmark();
  moved.forEach((one) => one.classList.remove("is-dragged"));
  if (to?.allowed) {
    deepen(moved, to.depth - depth(row));
    if (to.next) to.next.before(...moved);
    else list.append(...moved);
    changed(fillText(form.dataset.textMoved, { name: label(row) }));
  } else {
    deepen(moved, drag.depth - depth(row));
  }
  row.querySelector("[data-handle]").focus();
}

form.addEventListener("pointerup", drop);
form.addEventListener("pointercancel", drop);

// -- leaving --------------------------------------------------------------------------------
form.addEventListener("submit", () => delete form.dataset.changed);
window.addEventListener("beforeunload", (event) => {
  if ("changed" in form.dataset) event.preventDefault();
});

document.documentElement.classList.add("rubric-script");
for (const button of list.querySelectorAll("[data-act], [data-handle]")) button.type = "button";
const goOn = form.dataset.goOn && document.getElementById(`row-${form.dataset.goOn}`);
if (goOn) {
  goOn.classList.add("is-here");
  field(goOn, field(goOn, "description").value ? "code" : "description").focus();
} else {
  const wrong = form.querySelector(".is-invalid");
  if (wrong) wrong.focus();
}
