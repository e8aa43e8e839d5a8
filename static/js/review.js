// The review desk by keyboard, zoom by click, and the help overlay. Everything here is also
// possible with the mouse and without script.
(() => {
  document.documentElement.classList.add("has-script");

  const marks = () => [...document.querySelectorAll(".mark")];
  const current = () => document.querySelector(".mark.current");

  function goTo(mark) {
    if (!mark) return;
    current()?.classList.remove("current");
    mark.classList.add("current");
    mark.focus({ preventScroll: true });
    mark.scrollIntoView({ block: "nearest" });
    const page = document.getElementById(`page-${mark.dataset.page}`);
    if (page && !document.querySelector(".zoomed")) showPage(page);
  }

  function showPage(page) {
    const shelf = page.closest(".review-pages");
    shelf.scrollTo({ top: page.offsetTop - shelf.offsetTop, left: page.offsetLeft - shelf.offsetLeft });
  }

  function move(by) {
    const all = marks();
    const here = all.indexOf(current());
    goTo(all[here < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(Math.max(here + by, 0), all.length - 1)]);
  }

  function choose(mark, wanted) {
    const radios = [...mark.querySelectorAll('input[type="radio"][name="awarded"]')];
    const radio = radios.find((one) => Number(one.value) === wanted);
    const number = mark.querySelector('input[type="number"][name="awarded"]');
    if (radio) radio.checked = true;
    else if (number && wanted >= Number(number.min) && wanted <= Number(number.max)) number.value = wanted;
  }

  function give(mark, points) {
    const penalty = mark.querySelector('input[name="awarded"][value^="-"], input[name="awarded"][min^="-"]');
    choose(mark, penalty ? -points : points);
  }

  function step(mark, by) {
    const radios = [...mark.querySelectorAll('input[type="radio"][name="awarded"]')];
    const number = mark.querySelector('input[type="number"][name="awarded"]');
    if (number) by > 0 ? number.stepUp() : number.stepDown();
    const here = radios.findIndex((one) => one.checked);
    const next = radios[here + by];
    if (here >= 0 && next) next.checked = true;
  }

  const save = (mark) => mark.querySelector(".mark-form")?.requestSubmit();
  const typing = (target) =>
    target.closest('textarea, select, [contenteditable], input:not([type="radio"]):not([type="checkbox"])');

  function onMark(key, mark) {
    if (/^[0-9]$/.test(key)) return give(mark, Number(key));
    if (key === "+") return step(mark, 1);
    if (key === "-") return step(mark, -1);
    if (key === "f") return mark.querySelector('[name="feedback"]')?.focus();
    if (key === "r") return mark.querySelector('[name="reason"]')?.focus();
    if (key === "h") return mark.querySelector("[data-history]")?.click();
    if (key === "s") return save(mark);
  }

  document.addEventListener("keydown", (event) => {
    const help = document.querySelector("dialog.keys");
    if (event.defaultPrevented || event.altKey || event.metaKey || help?.open) return;
    const { key, target } = event;
    const mark = target.closest(".mark") || current();
    if (event.ctrlKey) {
      if (key === "Enter" && mark) {
        event.preventDefault();
        save(mark);
      }
      return;
    }
    if (typing(target)) {
      if (key === "Escape") (mark || document.body).focus();
      return;
    }
    const onRadio = target.matches('input[type="radio"]');
    const inPages = target.closest(".review-pages");
    if (key === "j" || (key === "ArrowDown" && !onRadio && !inPages)) move(1);
    else if (key === "k" || (key === "ArrowUp" && !onRadio && !inPages)) move(-1);
    else if (key === "n") document.querySelector('a[rel="next"]')?.click();
    else if (key === "p") document.querySelector('a[rel="prev"]')?.click();
    else if (key === "a") approve();
    else if (key === "?") help?.showModal();
    else if (mark && /^[0-9+\-frhs]$/.test(key)) onMark(key, mark);
    else return;
    event.preventDefault();
  });

  // What was typed and not saved would be lost on the way to the next paper.
  const unsaved = () =>
    [...document.querySelectorAll(".mark-form")].filter((form) =>
      form.closest("[data-unsaved]") || // refused: what was typed arrived again as its default
      [...form.elements].some(
        (field) =>
          (field.type === "radio" && field.checked !== field.defaultChecked) ||
          (/^(text|number|textarea)$/.test(field.type) && field.value !== field.defaultValue),
      ),
    );
  let leaving = false;

  function approve() {
    document.querySelector("[data-approve]")?.requestSubmit();
  }

  document.addEventListener("submit", (event) => {
    if (!event.target.matches("[data-approve]")) {
      leaving ||= !event.target.matches("[hx-post]");
      return;
    }
    const [first] = unsaved();
    if (!first) {
      leaving = true;
      return;
    }
    event.preventDefault();
    const mark = first.closest(".mark");
    const code = mark.querySelector(".mark-code")?.textContent ?? "A question";
    say(`${code} has changes that are not saved. Save them first (s), or reload the page.`);
    goTo(mark);
  });

  function say(text) {
    const place = document.getElementById("messages");
    const line = document.createElement("div");
    line.className = "alert alert-warning";
    line.setAttribute("role", "alert");
    line.textContent = text;
    place.replaceChildren(line);
    line.scrollIntoView({ block: "nearest" });
  }

  window.addEventListener("beforeunload", (event) => {
    if (!leaving && unsaved().length) event.preventDefault();
  });

  document.addEventListener("click", (event) => {
    const paper = event.target.closest("[data-zoom]");
    if (paper && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      const box = paper.getBoundingClientRect();
      const [x, y] = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
      if (paper.classList.toggle("zoomed")) {
        paper.scrollTo({
          left: x * paper.scrollWidth - paper.clientWidth / 2,
          top: y * paper.scrollHeight - paper.clientHeight / 2,
        });
      }
      return;
    }
    if (event.target.closest("[data-help]")) document.querySelector("dialog.keys")?.showModal();
  });

  document.addEventListener("focusin", (event) => {
    const mark = event.target.closest(".mark");
    if (!mark || mark === current()) return;
    current()?.classList.remove("current");
    mark.classList.add("current");
  });

  // A saved card arrives new: it stays the current one and keeps the keyboard.
  let swapping = null;
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.target.matches(".mark")) swapping = event.detail.target.id;
  });
  document.addEventListener("htmx:afterSettle", () => {
    if (!swapping) return;
    const mark = document.getElementById(swapping);
    swapping = null;
    goTo(mark);
  });
})();
